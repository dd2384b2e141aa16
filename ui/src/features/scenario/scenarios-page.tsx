import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Copy, FileWarning, Play } from "lucide-react";
import { useState } from "react";

import { api, type Scenario } from "../../api/client";
import { useEndpoints } from "../../api/queries";
import { Button, IconButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { FormEnd } from "../../ui/form";
import { INPUT } from "../../ui/input";
import { Notice } from "../../ui/notice";
import { visible } from "../../ui/format";
import { attempt, tell } from "../../ui/toasts";
import { inWords, platform } from "../../platform";

const SPEEDS = [
  ["1", "As written"],
  ["10", "×10"],
  ["100", "×100"],
  ["100000", "At once"],
] as const;

/** A length of time in minutes and seconds. */
function lasts(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function Steps({ steps }: { steps: Scenario["steps"] }) {
  return (
    <ol className="mt-1 flex flex-wrap items-center gap-x-1.5 gap-y-1">
      {steps.map(({ event, after_ms }, place) => (
        <li key={place} className="flex items-center gap-1.5">
          {place > 0 && <span className="text-small text-ink-2">{after_ms ? `— ${lasts(after_ms)} →` : "→"}</span>}
          <code className="rounded border border-line bg-background px-1.5 font-mono text-data">{visible(event)}</code>
        </li>
      ))}
    </ol>
  );
}

function Run({ scenario, onClose }: { scenario: Scenario; onClose: () => void }) {
  const endpoints = (useEndpoints().data?.items ?? []).filter(({ provider }) => provider === scenario.provider);
  const [to, setTo] = useState("");
  const [speed, setSpeed] = useState<(typeof SPEEDS)[number][0]>("1");
  const [seed, setSeed] = useState("");
  const [error, setError] = useState<string>();
  const navigate = useNavigate();
  if (endpoints.length === 0) {
    return (
      <>
        <p className="mb-4">There is no endpoint of {scenario.provider} yet: an address it can be sent to.</p>
        <Button
          look="primary"
          onClick={() =>
            void navigate({
              to: "/endpoints/{-$endpoint}/{-$delivery}",
              params: { endpoint: undefined, delivery: undefined },
            })
          }
        >
          Make one
        </Button>
      </>
    );
  }
  const run = async (): Promise<void> => {
    try {
      const sent = await api.runScenario({
        scenario: scenario.id,
        speed: Number(speed),
        seed: seed === "" ? undefined : Number(seed),
        endpoints: to ? [to] : undefined,
      });
      tell(`${sent.events.length} events are on their way`);
      onClose();
      if (to || endpoints.length === 1)
        void navigate({
          to: "/endpoints/{-$endpoint}/{-$delivery}",
          params: { endpoint: to || endpoints[0]!.id, delivery: undefined },
        });
      else void navigate({ to: "/deliveries/{-$delivery}", params: { delivery: undefined } });
    } catch (failure) {
      setError(inWords(failure));
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <p className="mb-3 text-ink-2">{visible(scenario.about)}</p>
      <Field label="To" hint="Each endpoint gets the events it takes.">
        {(props) => (
          <select {...props} className={INPUT} value={to} onChange={(event) => setTo(event.target.value)}>
            <option value="">All endpoints of {scenario.provider}</option>
            {endpoints.map(({ id, name, url }) => (
              <option key={id} value={id}>
                {visible(name || url)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="mb-4">
        <span className="mb-1 block font-medium">Its gaps</span>
        <Choice label="Its gaps" value={speed} options={SPEEDS} onChange={setSpeed} />
        <p className="mt-1 text-small text-ink-2">
          {speed === "100000"
            ? "All of them leave at once; receivers may get them in any order."
            : `It takes ${lasts(scenario.lasts_ms / Number(speed))}.`}
        </p>
      </div>
      <Field label="Seed" hint="The same number makes the same values again; empty makes new ones.">
        {(props) => (
          <input
            {...props}
            inputMode="numeric"
            pattern="[0-9]*"
            className={`${INPUT} max-w-40`}
            value={seed}
            onChange={(event) => setSeed(event.target.value)}
          />
        )}
      </Field>
      <FormEnd error={error} icon={Play}>
        Run
      </FormEnd>
    </form>
  );
}

/** Scenarios: events that follow one another and speak of the same things. */
export function ScenariosPage() {
  const { data } = useQuery({
    queryKey: ["scenarios"],
    queryFn: api.scenarios,
    staleTime: 0,
    refetchOnMount: "always",
  });
  const [running, setRunning] = useState<Scenario>();
  const [shown, setShown] = useState<Scenario>();
  if (!data) return null;
  return (
    <div className="h-full overflow-auto p-6" tabIndex={0} role="region" aria-label="Scenarios">
      <h1 className="text-title font-semibold tracking-tight">Scenarios</h1>
      <p className="mb-4 text-ink-2">
        Events that follow one another and speak of the same chat, order or person. A file of your own in{" "}
        <code className="font-mono text-data break-all text-ink">{data.folder}</code> is one more; begin with any of
        these.
      </p>
      {data.bad_files.map((reason) => (
        <div key={reason} className="mb-3">
          <Notice icon={FileWarning} tone="warning" title="A file of yours does not read">
            <pre className="whitespace-pre-wrap">{reason.split("\n").map(visible).join("\n")}</pre>
          </Notice>
        </div>
      ))}
      <ul className="rounded-[9px] border border-line bg-pane" data-testid="scenarios">
        {data.items.map((scenario) => (
          <li key={scenario.id} className="flex items-start gap-4 border-b border-line px-4 py-3 last:border-0">
            <div className="min-w-0 flex-1">
              <h2 className="flex flex-wrap items-baseline gap-x-3">
                <span className="font-medium">{visible(scenario.name)}</span>
                <span className="text-small text-ink-2">
                  {scenario.provider} · {lasts(scenario.lasts_ms)}
                  {scenario.own && " · your own"}
                </span>
              </h2>
              <p className="text-ink-2">{visible(scenario.about)}</p>
              <Steps steps={scenario.steps} />
            </div>
            <Button onClick={() => setShown(scenario)} aria-label={`File of ${scenario.name}`}>
              File
            </Button>
            <Button look="primary" icon={Play} onClick={() => setRunning(scenario)} aria-label={`Run ${scenario.name}`}>
              Run
            </Button>
          </li>
        ))}
      </ul>
      <Dialog
        title={running ? visible(running.name) : ""}
        open={running !== undefined}
        onClose={() => setRunning(undefined)}
      >
        {running && <Run key={running.id} scenario={running} onClose={() => setRunning(undefined)} />}
      </Dialog>
      <Dialog
        title={shown ? `${shown.id}.toml` : ""}
        open={shown !== undefined}
        onClose={() => setShown(undefined)}
        wide
      >
        {shown && (
          <>
            <div className="mb-2 flex items-center justify-between gap-2">
              <p className="text-ink-2">Saved in the folder under a name of its own, it is a scenario at once.</p>
              <IconButton
                label="Copy file"
                icon={Copy}
                onClick={() => void attempt(platform.copyText(shown.file).then(() => tell("Copied file")))}
              />
            </div>
            <pre
              className="overflow-auto rounded-[9px] border border-line p-3 font-mono text-data whitespace-pre-wrap"
              tabIndex={0}
            >
              {shown.file.split("\n").map(visible).join("\n")}
            </pre>
          </>
        )}
      </Dialog>
    </div>
  );
}
