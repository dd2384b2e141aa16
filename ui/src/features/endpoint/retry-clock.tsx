import { Pause, Play } from "lucide-react";

import { api, type Endpoint } from "../../api/client";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { attempt } from "../../ui/toasts";
import { Card } from "./card";

const TIME_SCALES = [
  ["1", "×1"],
  ["60", "×60"],
  ["1000", "×1000"],
] as const;

/** The retry clock: its speed, and a button that pauses or resumes it. */
export function RetryClock({ endpoint: { id, time_scale = 1, paused } }: { endpoint: Endpoint }) {
  const change = (settings: { time_scale?: number; paused?: boolean }): void =>
    void attempt(api.changeEndpoint(id, { settings }));
  return (
    <Card title="Retry clock">
      <div className="flex flex-wrap items-center gap-3">
        <Choice
          label="Retry clock speed"
          value={TIME_SCALES.find(([one]) => Number(one) === time_scale)?.[0] ?? "1"}
          options={TIME_SCALES}
          onChange={(now) => change({ time_scale: Number(now) })}
        />
        <Button icon={paused ? Play : Pause} onClick={() => change({ paused: !paused })}>
          {paused ? "Resume" : "Pause"}
        </Button>
      </div>
      <p className={`mt-2 text-small ${paused ? "text-warning" : "text-ink-2"}`}>
        {paused
          ? "Paused: nothing is sent."
          : time_scale === 1
            ? "Retries wait as long as the vendor's do."
            : `A wait of 20 minutes takes ${(1200 / time_scale).toFixed(time_scale > 100 ? 1 : 0)} s.`}
      </p>
    </Card>
  );
}
