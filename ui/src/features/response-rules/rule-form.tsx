/** The form of one rule: its condition and its sequence of responses. */
import { Plus } from "lucide-react";

import type { Rule } from "../../api/client";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { When } from "./entries";
import { EMPTY_RESPONSE, ResponseFields } from "./response-form";

export const newRule = (): Rule => ({
  id: "",
  name: "",
  enabled: true,
  when: "",
  responses: [{ ...EMPTY_RESPONSE }],
  per: "event",
  at_end: "last",
});

export function RuleFields({ rule, onChange }: { rule: Rule; onChange: (to: Partial<Rule>) => void }) {
  const several = rule.responses.length > 1;
  return (
    <>
      <When value={rule.when ?? ""} onChange={(when) => onChange({ when })} />
      {rule.responses.map((response, place) => (
        <ResponseFields
          key={place}
          number={several ? place + 1 : undefined}
          response={response}
          onChange={(now) => onChange({ responses: rule.responses.with(place, now) })}
          onRemove={several ? () => onChange({ responses: rule.responses.toSpliced(place, 1) }) : undefined}
        />
      ))}
      <div className="flex flex-wrap items-center gap-3">
        <Button icon={Plus} onClick={() => onChange({ responses: [...rule.responses, { ...rule.responses.at(-1)! }] })}>
          {several ? "Add response" : "Create sequence"}
        </Button>
        {several && (
          <>
            <Choice
              label="Count per"
              value={rule.per ?? "event"}
              options={[
                ["event", "per event"],
                ["inbox", "per inbox"],
              ]}
              onChange={(per) => onChange({ per })}
            />
            <Choice
              label="After the last response"
              value={rule.at_end ?? "last"}
              options={[
                ["last", "repeat the last"],
                ["first", "start over"],
                ["next_rule", "use the next rule"],
              ]}
              onChange={(at_end) => onChange({ at_end })}
            />
          </>
        )}
      </div>
    </>
  );
}
