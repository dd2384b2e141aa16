import { useState } from "react";

import { api, type Endpoint, type Fact } from "../../api/client";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Dialog } from "../../ui/dialog";
import { FormEnd } from "../../ui/form";
import { Input } from "../../ui/input";
import { tell } from "../../ui/toasts";
import { inWords } from "../../platform";
import { Card } from "./card";
import { POLICY, type PolicyRow } from "./policy-table";

type Facts = Record<string, Fact>;

const LABELS: Record<string, string> = { stated: "documented by the vendor", assumed: "assumed", own: "set by you" };

/** Words for the origin of a value, and their look. */
const TAGS: Record<string, readonly [string, string]> = {
  stated: ["stated", "bg-hover text-ink-2"],
  assumed: ["assumed", "bg-warning/12 text-warning"],
  own: ["edited", "bg-selection text-accent"],
};

const entry = (facts: Facts | undefined, field: string): [string, unknown] | undefined =>
  Object.entries(facts?.[field] ?? {})[0];

/** The delivery policy of an endpoint with the origin of each value. `known` is true once the provider file is read. */
export function Policy({
  endpoint,
  vendors,
  known,
}: {
  endpoint: Endpoint;
  vendors: Facts | undefined;
  known: boolean;
}) {
  const [editing, setEditing] = useState(false);
  const facts = endpoint.policy_in_force as unknown as Facts;
  return (
    <Card
      title="Delivery policy"
      action={
        <Button disabled={!known} onClick={() => setEditing(true)}>
          Edit policy
        </Button>
      }
    >
      <dl className="grid grid-cols-[auto_1fr_auto] items-center gap-x-3 gap-y-1">
        {POLICY.map(({ field, name, words }) => {
          const [basis, value] = entry(facts, field) ?? [];
          if (basis === undefined) return null;
          return (
            <div key={field} className="contents">
              <dt className="text-ink-2">{name}</dt>
              <dd className="text-right font-medium">{words(value as never)}</dd>
              <dd
                title={LABELS[basis]}
                className={`rounded-[5px] px-1.5 text-center text-small ${TAGS[basis]?.[1] ?? ""}`}
              >
                {TAGS[basis]?.[0]}
              </dd>
            </div>
          );
        })}
      </dl>
      <Dialog title="Delivery policy" open={editing} onClose={() => setEditing(false)} wide>
        <Form endpoint={endpoint} vendors={vendors} onClose={() => setEditing(false)} />
      </Dialog>
    </Card>
  );
}

function Form({ endpoint, vendors, onClose }: { endpoint: Endpoint; vendors: Facts | undefined; onClose: () => void }) {
  const facts = endpoint.policy_in_force as unknown as Facts;
  const written = ({ field, choices, write }: PolicyRow, from: Facts | undefined): string => {
    const value = entry(from, field)?.[1];
    return value === undefined ? "" : choices ? String(value) : write ? write(value as never) : "";
  };
  const set = POLICY.filter(({ choices, read }) => choices ?? read);
  const [texts, setTexts] = useState(() => Object.fromEntries(set.map((row) => [row.field, written(row, facts)])));
  const [error, setError] = useState<string>();

  const save = async (): Promise<void> => {
    try {
      const own = set.map((row) => {
        const { field, choices, read } = row;
        const text = texts[field] ?? "";
        // A value equal to the vendor's value is not saved.
        if (vendors && text === written(row, vendors)) return [field, null];
        // Without a vendor policy, unchanged values are not saved.
        if (text === written(row, facts) && entry(facts, field)?.[0] !== "own") return [field, null];
        return [field, choices ? (text === "true" ? true : text === "false" ? false : text) : read!(text)];
      });
      await api.changeEndpoint(endpoint.id, { settings: { policy: Object.fromEntries(own) } });
      tell("Delivery policy saved");
      onClose();
    } catch (failure) {
      setError(inWords(failure));
    }
  };

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="mb-4 grid grid-cols-[7rem_1fr_9rem] items-center gap-x-3 gap-y-2">
        {set.map((row) => {
          const { field, name, choices, hint } = row;
          const text = texts[field] ?? "";
          const [basis = "assumed"] = entry(vendors, field) ?? [];
          const vendor = vendors ? text === written(row, vendors) : false;
          const change = (now: string): void => setTexts({ ...texts, [field]: now });
          return (
            <div key={field} className="contents">
              <span className="text-ink-2" id={`policy-${field}`}>
                {name}
              </span>
              {choices ? (
                <div>
                  <Choice label={name} value={text} options={choices} onChange={change} />
                </div>
              ) : (
                <Input
                  aria-labelledby={`policy-${field}`}
                  title={hint}
                  placeholder={hint}
                  value={text}
                  onChange={change}
                />
              )}
              {vendor || !vendors ? (
                <span className="text-small text-ink-2">{vendors ? LABELS[basis] : hint}</span>
              ) : (
                <Button onClick={() => change(written(row, vendors))} aria-label={`${name}: use vendor value`}>
                  Use vendor value
                </Button>
              )}
              {!choices && hint && hint.length > 20 && (
                <span className="col-start-2 col-end-4 -mt-1 text-small text-ink-2">{hint}</span>
              )}
            </div>
          );
        })}
      </div>
      <FormEnd error={error}>Save</FormEnd>
    </form>
  );
}
