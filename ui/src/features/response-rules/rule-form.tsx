/** One rule: when it matches, and its responses, one after the other. */
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
  answers: [{ ...EMPTY_RESPONSE }],
  per: "event",
  at_end: "last",
});

export function RuleFields({ rule, onChange }: { rule: Rule; onChange: (to: Partial<Rule>) => void }) {
  const several = rule.answers.length > 1;
  return (
    <>
      <When value={rule.when ?? ""} onChange={(when) => onChange({ when })} />
      {rule.answers.map((answer, place) => (
        <ResponseFields
          key={place}
          number={several ? place + 1 : undefined}
          response={answer}
          onChange={(now) => onChange({ answers: rule.answers.with(place, now) })}
          onRemove={several ? () => onChange({ answers: rule.answers.toSpliced(place, 1) }) : undefined}
        />
      ))}
      <div className="flex flex-wrap items-center gap-3">
        <Button icon={Plus} onClick={() => onChange({ answers: [...rule.answers, { ...rule.answers.at(-1)! }] })}>
          {several ? "Next answer" : "Make it a sequence"}
        </Button>
        {several && (
          <>
            <Choice
              label="Counted by"
              value={rule.per ?? "event"}
              options={[
                ["event", "by event"],
                ["inbox", "by inbox"],
              ]}
              onChange={(per) => onChange({ per })}
            />
            <Choice
              label="Then"
              value={rule.at_end ?? "last"}
              options={[
                ["last", "then the last"],
                ["first", "then anew"],
                ["next_rule", "then the next rule"],
              ]}
              onChange={(at_end) => onChange({ at_end })}
            />
          </>
        )}
      </div>
    </>
  );
}
