import { Dialog, Keys } from "../parts/controls";
import { COMMANDS, keysText } from "./commands";

/** The key map, drawn from the command table. */
export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const groups = [...new Set(COMMANDS.map(({ group }) => group))];
  return (
    <Dialog title="Keyboard shortcuts" open={open} onClose={onClose} wide>
      <div className="grid grid-cols-1 gap-x-8 sm:grid-cols-2">
        {groups.map((group) => (
          <section key={group} className="mb-4">
            <h3 className="mb-1 font-semibold">{group}</h3>
            <dl>
              {COMMANDS.filter((command) => command.group === group).map(({ id, title, keys }) => (
                <div key={id} className="flex justify-between gap-4 py-0.5">
                  <dt>{title}</dt>
                  <dd className="flex shrink-0 gap-1">
                    {keys.map((one) => (
                      <span key={one}>
                        <span className="sr-only">{keysText(one)}</span>
                        <Keys keys={keysText(one)} />
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
