/** Beginning a run: who is asked and as whom, then what will be sent, then it goes. */
import { useNavigate } from "@tanstack/react-router";
import { ClipboardCheck } from "lucide-react";
import { useState } from "react";

import { api, type CheckNew, type CheckPlan } from "../../api/client";
import { useEndpoints, useProviders } from "../../api/queries";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { count, size, visible } from "../../ui/format";
import { NumberInput } from "../../ui/input";
import { inWords } from "../../platform";

export function CheckDialog({ endpoint, open, onClose }: { endpoint?: string; open: boolean; onClose: () => void }) {
  return (
    <Dialog title="Check a handler" open={open} onClose={onClose} wide>
      <CheckForm endpoint={endpoint ?? ""} onClose={onClose} />
    </Dialog>
  );
}

function CheckForm({ endpoint: first, onClose }: { endpoint: string; onClose: () => void }) {
  const navigate = useNavigate();
  const endpoints = useEndpoints().data?.items ?? [];
  const providers = useProviders().data?.items ?? [];
  const [endpoint, setEndpoint] = useState(first);
  const [url, setUrl] = useState("");
  const [provider, setProvider] = useState("standard-webhooks");
  const [secret, setSecret] = useState("");
  const [probe, setProbe] = useState("");
  const [event, setEvent] = useState("");
  const [oldSecret, setOldSecret] = useState("");
  const [burst, setBurst] = useState(20);
  const [plan, setPlan] = useState<CheckPlan>();
  const [error, setError] = useState<string>();
  const text = `${INPUT} font-mono text-data`;
  /** What was planned no longer holds when something changes. */
  const edited =
    <T,>(set: (now: T) => void) =>
    (now: T): void => {
      set(now);
      setPlan(undefined);
      setError(undefined);
    };
  const kinds =
    providers.find(({ id }) => id === (endpoint ? endpoints.find((one) => one.id === endpoint)?.provider : provider))
      ?.events ?? [];
  const body: CheckNew = {
    settings: {
      ...(endpoint ? { endpoint } : { url, provider, secret }),
      probe: probe ? { url: probe } : null,
      event: kinds.includes(event) ? event : null,
      old_secret: oldSecret || null,
      burst,
    },
  };
  const go = async (): Promise<void> => {
    setError(undefined);
    try {
      if (!plan) {
        setPlan(await api.checkPlan(body));
        return;
      }
      const run = await api.beginCheck({ ...body, confirm: plan.host });
      onClose();
      await navigate({ to: "/checks/{-$check}", params: { check: run.id } });
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  const skipped = plan?.checks.filter((check) => check.skipped) ?? [];
  return (
    <form
      onSubmit={(submit) => {
        submit.preventDefault();
        void go();
      }}
    >
      <p className="mb-3 text-ink-2">
        Forty-eight questions with real signed events: forged, stale, repeated, broken and large ones, each judged by a
        rule that somebody wrote down.
      </p>
      {endpoints.length > 0 && (
        <Field label="Handler">
          {(props) => (
            <select
              {...props}
              className={INPUT}
              value={endpoint}
              onChange={(event) => edited(setEndpoint)(event.target.value)}
            >
              <option value="">a URL</option>
              {endpoints.map(({ id, name, url: to }) => (
                <option key={id} value={id}>
                  {name || to}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {!endpoint && (
        <>
          <Field label="URL of the handler">
            {(props) => (
              <input
                {...props}
                className={text}
                value={url}
                placeholder="http://localhost:3000/webhooks"
                spellCheck={false}
                onChange={(event) => edited(setUrl)(event.target.value)}
              />
            )}
          </Field>
          <div className="flex gap-4 max-sm:block">
            <div className="flex-1">
              <Field label="Played vendor">
                {(props) => (
                  <select
                    {...props}
                    className={INPUT}
                    value={provider}
                    onChange={(event) => edited(setProvider)(event.target.value)}
                  >
                    {([true, false] as const).map((known) => (
                      <optgroup key={String(known)} label={known ? "With their own events" : "With made-up events"}>
                        {providers
                          .filter(({ events, schemes }) => events.length > 0 === known && schemes.length > 0)
                          .map(({ id, name }) => (
                            <option key={id} value={id}>
                              {name}
                            </option>
                          ))}
                      </optgroup>
                    ))}
                  </select>
                )}
              </Field>
            </div>
            <div className="flex-1">
              <Field label="Secret the handler knows">
                {(props) => (
                  <input
                    {...props}
                    type="password"
                    autoComplete="off"
                    className={text}
                    value={secret}
                    onChange={(event) => edited(setSecret)(event.target.value)}
                  />
                )}
              </Field>
            </div>
          </div>
        </>
      )}
      <Field
        label="Effect probe"
        hint="A page of yours that says how many effects there were, such as a count of rows. Without one, whether three deliveries had one effect stays unknown. Commands and SQLite queries: hookline check."
      >
        {(props) => (
          <input
            {...props}
            className={text}
            value={probe}
            placeholder="http://localhost:3000/effects"
            spellCheck={false}
            onChange={(event) => edited(setProbe)(event.target.value)}
          />
        )}
      </Field>
      <details className="mb-4">
        <summary className="mb-2 cursor-default font-medium">More</summary>
        <Field label="Usual event" hint="One that has an effect in your handler.">
          {(props) => (
            <select
              {...props}
              className={INPUT}
              value={event}
              onChange={(change) => edited(setEvent)(change.target.value)}
            >
              <option value="">{kinds[0] ?? ""}</option>
              {kinds.slice(1).map((kind) => (
                <option key={kind}>{kind}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Old secret" hint="One the handler knew before; it must be refused now.">
          {(props) => (
            <input
              {...props}
              type="password"
              autoComplete="off"
              className={text}
              value={oldSecret}
              onChange={(event) => edited(setOldSecret)(event.target.value)}
            />
          )}
        </Field>
        <Field label="Requests a second in the burst">
          {(props) => (
            <NumberInput
              {...props}
              required
              min={1}
              max={200}
              value={burst}
              onChange={(now) => edited(setBurst)(now ?? 0)}
            />
          )}
        </Field>
      </details>
      {plan && (
        <section aria-label="What will be sent" className="mb-4 rounded-[9px] border border-line p-3">
          <p>
            <strong>{count(plan.requests)} requests</strong> to{" "}
            <code className="font-mono text-data break-all">{visible(plan.url)}</code>, {size(plan.bytes)} in all, one
            after the other but for a burst of {plan.rate} a second.
          </p>
          {plan.made_up && (
            <p className="mt-1">
              Hookline knows no event of this vendor and makes one up. On the command line you can give yours.
            </p>
          )}
          {!plan.this_machine && (
            <p className="mt-1 font-medium text-warning">
              {visible(plan.host)} is not this machine. Check only handlers that are yours.
            </p>
          )}
          {skipped.length > 0 && (
            <details className="mt-1">
              <summary className="cursor-default text-ink-2">
                {skipped.length} of {plan.checks.length} are not asked
              </summary>
              <ul>
                {skipped.map((check) => (
                  <li key={check.id}>
                    {check.question} <span className="text-ink-2">{visible(check.skipped!)}</span>
                  </li>
                ))}
              </ul>
            </details>
          )}
        </section>
      )}
      <FormEnd error={error} icon={ClipboardCheck}>
        {plan ? (plan.this_machine ? "Begin" : `Send them to ${plan.host}`) : "Show what will be sent"}
      </FormEnd>
    </form>
  );
}
