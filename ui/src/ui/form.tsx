/** Forms: state, submission and the submit button. */
import { useCallback, useEffect, useRef, useState, type ComponentProps, type ReactNode } from "react";

import { inWords } from "../platform";
import { Button } from "./button";

/** Returns the state of a form as one value, and a setter for parts of it. */
export function useFormState<T extends object>(first: T | (() => T)): [values: T, set: (change: Partial<T>) => void] {
  const [values, setValues] = useState(first);
  const set = useCallback((change: Partial<T>) => setValues((before) => ({ ...before, ...change })), []);
  return [values, set];
}

interface Submission {
  submit: () => Promise<void>;
  /** Error of the last attempt. */
  error: string | undefined;
  /** Clears the error, for example after an input. */
  clear: () => void;
  /** True while an attempt is running. */
  busy: boolean;
}

/** Returns a function that submits a form, and the error of the last attempt. */
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
    // The page shows errors itself, not the bubbles of the browser.
    <form
      noValidate
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

/** The error of a form. */
export function FormError({ error, className = "" }: { error: string | undefined; className?: string }) {
  return (
    error && (
      <p role="alert" className={`mb-3 text-invalid ${className}`}>
        {error}
      </p>
    )
  );
}

/**
 * The footer of a form: the error and the submit button, which stays visible in long forms. `start` is shown on the
 * other side of the button.
 */
export function FormEnd({
  error,
  start,
  children,
  ...button
}: { error: string | undefined; start?: ReactNode } & Pick<
  ComponentProps<typeof Button>,
  "icon" | "keys" | "children" | "disabled"
>) {
  return (
    <div className="sticky -bottom-4 z-10 -mx-4 -mb-4 rounded-b-[9px] border-t border-line bg-pane px-4 py-3">
      <FormError error={error} className="max-h-[20vh] overflow-auto" />
      <div className="flex items-center justify-between gap-2">
        <span className="min-w-0">{start}</span>
        <Button look="primary" type="submit" {...button}>
          {children}
        </Button>
      </div>
    </div>
  );
}
