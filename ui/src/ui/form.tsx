/** A form: its state, what happens when it is submitted, and how it ends. */
import { useCallback, useEffect, useRef, useState, type ComponentProps, type ReactNode } from "react";

import { inWords } from "../platform";
import { Button } from "./button";

/** The state of a form as one value, and a setter for part of it. */
export function useFormState<T extends object>(first: T | (() => T)): [values: T, set: (change: Partial<T>) => void] {
  const [values, setValues] = useState(first);
  const set = useCallback((change: Partial<T>) => setValues((before) => ({ ...before, ...change })), []);
  return [values, set];
}

interface Submission {
  submit: () => Promise<void>;
  /** Why the last attempt failed. */
  error: string | undefined;
  /** Takes the error away, as what it is about has changed. */
  clear: () => void;
  /** True while an attempt is running. */
  busy: boolean;
}

/** Submits a form: what is thrown on the way is said in it. */
export function useSubmission(work: () => Promise<void>, words: (failure: unknown) => string = inWords): Submission {
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const latest = useRef({ work, words });
  useEffect(() => {
    latest.current = { work, words };
  });
  const submit = useCallback(async () => {
    setBusy(true);
    try {
      await latest.current.work();
      setError(undefined);
    } catch (failure) {
      setError(latest.current.words(failure));
    } finally {
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setError(undefined), []);
  return { submit, error, clear, busy };
}

export function Form({
  onSubmit,
  children,
  ...rest
}: Omit<ComponentProps<"form">, "onSubmit"> & { onSubmit: () => unknown; children: ReactNode }) {
  return (
    <form
      {...rest}
      onSubmit={(event) => {
        event.preventDefault();
        void onSubmit();
      }}
    >
      {children}
    </form>
  );
}

/** The error of a form as a whole. */
export function FormError({ error, className = "" }: { error: string | undefined; className?: string }) {
  return (
    error && (
      <p role="alert" className={`mb-3 text-invalid ${className}`}>
        {error}
      </p>
    )
  );
}

/** How a form ends: what is wrong, and the button that submits it, in sight however long the form is. */
export function FormEnd({
  error,
  children,
  ...button
}: { error: string | undefined } & Pick<ComponentProps<typeof Button>, "icon" | "keys" | "children" | "disabled">) {
  return (
    <div className="sticky -bottom-4 z-10 -mx-4 -mb-4 rounded-b-[9px] border-t border-line bg-pane px-4 py-3">
      <FormError error={error} className="max-h-[20vh] overflow-auto" />
      <div className="flex justify-end">
        <Button look="primary" type="submit" {...button}>
          {children}
        </Button>
      </div>
    </div>
  );
}
