import { Button } from "../../ui/button";
import { DeliveryDetail } from "./delivery-detail";

/** A delivery beside its list. In a narrow window a button with the label `back` returns to the list. */
export function DeliveryPane({ id, back, onBack }: { id: string | undefined; back: string; onBack: () => void }) {
  if (!id) return null;
  return (
    <div className="flex min-h-0 min-w-0 flex-col border-l border-line bg-pane">
      <div className="border-b border-line p-2 xl:hidden">
        <Button onClick={onBack}>{back}</Button>
      </div>
      <div className="min-h-0 flex-1">
        <DeliveryDetail key={id} id={id} />
      </div>
    </div>
  );
}
