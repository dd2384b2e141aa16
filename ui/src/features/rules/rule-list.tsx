import { GripVertical, TriangleAlert } from "lucide-react";
import { useState, type KeyboardEvent } from "react";

import type { Inbox, Rule, RuleStats } from "../../api/client";
import { clock, count, visible } from "../../ui/format";
import { RowMenu } from "../../ui/row-menu";
import { Toggle } from "../../ui/switch";
import { unreachable } from "../response-rules";
import { OtherwiseSentence, RuleSentence } from "./sentence";

interface Props {
  inbox: Inbox;
  stats: readonly RuleStats[] | undefined;
  /** Place of the rule that would respond to the tested request; -1 for the default response. */
  winner: number | undefined;
  onOrder: (rules: Rule[]) => void;
  onChange: (place: number, change: Partial<Rule>) => void;
  onEdit: (place: number) => void;
  onRemove: (place: number) => void;
}

/** Returns the list with an item moved to another place. */
export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const rest = items.toSpliced(from, 1);
  return rest.toSpliced(to, 0, items[from]!);
}

/** The response rules as sentences, in the order in which they are evaluated. */
export function RuleList({ inbox, stats, winner, onOrder, onChange, onEdit, onRemove }: Props) {
  const { rules, forwards, response } = inbox;
  const [dragged, setDragged] = useState<number>();
  const [over, setOver] = useState<number>();
  const hidden = new Map(unreachable(rules));
  const proxy = forwards.find(({ mode, enabled }) => mode === "proxy" && enabled !== false);
  const move = (from: number, to: number): void => {
    if (to >= 0 && to < rules.length && from !== to) onOrder(moved(rules, from, to));
  };
  const others = stats?.find(({ id }) => id == null);
  return (
    <section aria-label="Response rules" className="overflow-hidden rounded-[9px] border border-line bg-pane">
      <h2 className="flex items-baseline gap-2 border-b border-line bg-background px-3 py-2 font-semibold">
        Response rules <span className="text-small font-normal text-ink-2">the first match responds</span>
        <span className="mr-[72px] ml-auto text-small font-normal text-ink-2">Matches, 24 h</span>
      </h2>
      <ol>
        {rules.map((rule, place) => (
          <li
            key={rule.id ?? place}
            aria-label={`rule ${place + 1}`}
            draggable
            onDragStart={(event) => {
              event.dataTransfer.effectAllowed = "move";
              setDragged(place);
            }}
            onDragOver={(event) => {
              if (dragged === undefined) return;
              event.preventDefault();
              setOver(place);
            }}
            onDragEnd={() => (setDragged(undefined), setOver(undefined))}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged !== undefined) move(dragged, place);
            }}
            className={`rule-grid items-center border-b border-line px-3 py-2 ${winner === place ? "bg-selection" : ""} ${over === place && dragged !== place ? "border-t-2 border-t-accent" : ""}`}
          >
            <Handle place={place} onMove={(by) => move(place, place + by)} />
            <span className="text-ink-2">{place + 1}</span>
            <div className={rule.enabled === false ? "opacity-60" : ""}>
              {rule.name && <p className="text-small font-medium text-ink-2">{visible(rule.name)}</p>}
              <RuleSentence rule={rule} />
              {hidden.has(place) && (
                <p role="status" className="flex items-center gap-1.5 text-small text-warning">
                  <TriangleAlert size={13} aria-hidden /> Never reached, because rule {hidden.get(place)! + 1} responds
                  first.
                </p>
              )}
            </div>
            <Matches stats={stats?.find(({ id }) => id === rule.id)} />
            <Toggle
              label={`Rule ${place + 1} enabled`}
              checked={rule.enabled ?? true}
              onChange={(enabled) => onChange(place, { enabled })}
            />
            <RowMenu
              label={`Actions of rule ${place + 1}`}
              items={[
                ["Edit", () => onEdit(place)],
                ["Move up", () => move(place, place - 1)],
                ["Move down", () => move(place, place + 1)],
                ["Delete", () => onRemove(place)],
              ]}
            />
          </li>
        ))}
        <li className={`rule-grid items-center px-3 py-2 ${winner === -1 ? "bg-selection" : ""}`}>
          <span />
          <span />
          <OtherwiseSentence response={response} proxy={proxy} />
          <Matches stats={others} />
        </li>
      </ol>
    </section>
  );
}

/** The handle of a rule. It is dragged with the pointer, and moves with Alt and an arrow key. */
function Handle({ place, onMove }: { place: number; onMove: (by: 1 | -1) => void }) {
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key] as 1 | -1 | undefined;
    if (!event.altKey || !by) return;
    event.preventDefault();
    event.stopPropagation();
    onMove(by);
  };
  return (
    <button
      type="button"
      aria-label={`Move rule ${place + 1} with Alt and an arrow key`}
      title="Drag, or Alt+↑ and Alt+↓"
      onKeyDown={onKeyDown}
      className="cursor-grab text-ink-3"
    >
      <GripVertical size={15} aria-hidden />
    </button>
  );
}

function Matches({ stats }: { stats: RuleStats | undefined }) {
  return (
    <span className="text-right">
      <span className="block font-medium">{stats ? count(stats.requests) : ""}</span>
      {stats?.last_at && <span className="text-small text-ink-2">last {clock(stats.last_at)}</span>}
    </span>
  );
}
