/** The page of the response rules and the forwards of an inbox. */
import { Menu } from "@base-ui/react/menu";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronDown, Plus, Zap } from "lucide-react";
import { useState } from "react";

import { api, type Forward, type Inbox, type InboxChange, type Rule } from "../../api/client";
import { keys } from "../../api/keys";
import { useInboxes } from "../../api/queries";
import { firstKeys, perform, useCommands } from "../../app/commands";
import { Button } from "../../ui/button";
import { Page } from "../../ui/page";
import { Switch } from "../../ui/switch";
import { attempt, offerUndo } from "../../ui/toasts";
import { Managed } from "../project";
import { newRule } from "../response-rules";
import { EditDialog, type Edited } from "./edit-dialog";
import { ForwardCard } from "./forward-card";
import { RuleList } from "./rule-list";
import { TestPanel, useTest } from "./test-panel";

export function RulesPage({ name, request }: { name: string; request: string | undefined }) {
  const inbox = useInboxes().data?.items.find((one) => one.name === name);
  return inbox ? <Rules key={name} inbox={inbox} request={request} /> : null;
}

/** Saves a change of an inbox at once, with an undo. Throws the error of the API. */
async function save(inbox: Inbox, change: InboxChange, title: string): Promise<void> {
  const { rules, forwards, status_by_path } = inbox;
  await api.changeInbox(inbox.name, change);
  offerUndo(title, () => api.changeInbox(inbox.name, { rules, forwards, status_by_path }));
}

function Rules({ inbox, request }: { inbox: Inbox; request: string | undefined }) {
  const { name, rules, forwards, status_by_path } = inbox;
  const [edited, setEdited] = useState<Edited>();
  const [chosen, choose] = useState(request);
  const test = useTest(inbox, chosen);
  const stats = useQuery({ queryKey: [...keys.ruleStats, name], queryFn: () => api.ruleStats(name) }).data?.items;
  const responds = test.preview?.considered.find((one) => one.responses);
  const winner = responds && rules.findIndex(({ id }) => id === responds.id);
  useCommands({
    "test-event": () => void attempt(api.sendTestEvent(name)),
    leave: () => history.back(),
  });
  const saveRules = (now: Rule[], title: string): Promise<void> => save(inbox, { rules: now }, title);
  const saveForwards = (now: Forward[], title: string): Promise<void> => save(inbox, { forwards: now }, title);
  return (
    <Page
      title="Response rules and forwards"
      wide
      subtitle={
        <>
          of{" "}
          <Link
            to="/inbox/$inbox/{-$request}"
            params={{ inbox: name, request: undefined }}
            className="font-medium text-accent hover:underline"
          >
            {name}
          </Link>
          . A request is stored, then the first matching rule sends its response, then the forwards run.
        </>
      }
      actions={
        <Button icon={Zap} keys={firstKeys("test-event")} onClick={() => perform("test-event")}>
          Test event
        </Button>
      }
    >
      <div className="two-columns grid items-start gap-4">
        <div className="min-w-0 space-y-4">
          <Managed type="inbox" id={name} />
          <RuleList
            inbox={inbox}
            stats={stats}
            winner={winner}
            onOrder={(now) => void attempt(saveRules(now, "Rules reordered"))}
            onChange={(place, change) =>
              void attempt(saveRules(rules.with(place, { ...rules[place]!, ...change }), "Rule changed"))
            }
            onEdit={(place) => setEdited({ type: "rule", place })}
            onRemove={(place) => void attempt(saveRules(rules.toSpliced(place, 1), "Rule deleted"))}
          />
          <Switch
            label="Status by path"
            hint={`/${name}/status/503 responds with 503.`}
            checked={status_by_path}
            onChange={(now) => void attempt(save(inbox, { status_by_path: now }, "Saved"))}
          />
          <section aria-label="Forwards">
            <h2 className="mb-2 font-semibold">
              Forwards{" "}
              <span className="text-small font-normal text-ink-2">
                each runs when its condition matches, whichever rule responds
              </span>
            </h2>
            <div className="forwards grid gap-3">
              {forwards.map((forward, place) => (
                <ForwardCard
                  key={forward.id ?? place}
                  forward={forward}
                  onChange={(change) =>
                    void attempt(saveForwards(forwards.with(place, { ...forward, ...change }), "Forward changed"))
                  }
                  onEdit={() => setEdited({ type: "forward", place })}
                  onRemove={() => void attempt(saveForwards(forwards.toSpliced(place, 1), "Forward deleted"))}
                />
              ))}
            </div>
          </section>
          <AddMenu onAdd={setEdited} />
        </div>
        <TestPanel inbox={inbox} test={test} onChoose={choose} />
      </div>
      <EditDialog
        inbox={inbox}
        edited={edited}
        onClose={() => setEdited(undefined)}
        onRules={saveRules}
        onForwards={saveForwards}
      />
    </Page>
  );
}

const SEQUENCE: Rule = {
  ...newRule(),
  responses: [503, 503, 200].map((status) => ({ ...newRule().responses[0]!, status })),
};
const FAULT: Rule = { ...newRule(), responses: [{ ...newRule().responses[0]!, fault: { type: "reset" } }] };

const ADDITIONS: readonly { title: string; hint: string; edited: Edited }[] = [
  { title: "Fixed response", hint: "status, headers, body or template", edited: { type: "rule", fresh: newRule() } },
  { title: "Sequence", hint: "503, 503, then 200", edited: { type: "rule", fresh: SEQUENCE } },
  { title: "Fault injection", hint: "reset, hang, truncate, slow, garbage", edited: { type: "rule", fresh: FAULT } },
  {
    title: "Mirror forward",
    hint: "respond first, forward in the background",
    edited: { type: "forward", fresh: { to: "", mode: "mirror" } },
  },
  {
    title: "Proxy forward",
    hint: "return the app's response",
    edited: { type: "forward", fresh: { to: "", mode: "proxy" } },
  },
];

function AddMenu({ onAdd }: { onAdd: (edited: Edited) => void }) {
  const [open, setOpen] = useState(false);
  useCommands({ "add-rule": () => setOpen(true) });
  return (
    <Menu.Root open={open} onOpenChange={setOpen}>
      <Menu.Trigger
        render={
          <Button look="primary" icon={Plus} keys={firstKeys("add-rule")}>
            Add <ChevronDown size={14} aria-hidden />
          </Button>
        }
      />
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="start" className="z-50">
          <Menu.Popup data-modal className="w-80 rounded-[9px] border border-line bg-pane p-1 shadow-md">
            {ADDITIONS.map(({ title, hint, edited }) => (
              <Menu.Item
                key={title}
                onClick={() => onAdd(edited)}
                className="rounded-md px-3 py-1.5 outline-none data-highlighted:bg-selection"
              >
                <span className="block font-medium">{title}</span>
                <span className="text-small text-ink-2">{hint}</span>
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
