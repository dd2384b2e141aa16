/** Labels of the outcomes of checks and of runs. */
import {
  CheckCircle2,
  CircleAlert,
  CircleHelp,
  MinusCircle,
  TriangleAlert,
  XCircle,
  type LucideIcon,
} from "lucide-react";

import type { Asked, CheckRun } from "../../api/client";

export type Outcome = Asked["outcome"];

export const OUTCOMES: Record<Outcome, { icon: LucideIcon; color: string; word: string; group: string }> = {
  fail: { icon: XCircle, color: "text-invalid", word: "failed", group: "Failed" },
  error: { icon: CircleAlert, color: "text-invalid", word: "error", group: "Errors" },
  warn: { icon: TriangleAlert, color: "text-warning", word: "warning", group: "Warnings" },
  unknown: { icon: CircleHelp, color: "text-ink-2", word: "unknown", group: "Unknown" },
  pass: { icon: CheckCircle2, color: "text-valid", word: "passed", group: "Passed" },
  skipped: { icon: MinusCircle, color: "text-ink-3", word: "skipped", group: "Skipped" },
};

const SIGNATURE_STATUSES: Record<NonNullable<CheckRun["conclusion"]>, readonly [string, string]> = {
  passed: ["Passed", "text-valid"],
  passed_with_warnings: ["Passed with warnings", "text-warning"],
  failed: ["Failed", "text-invalid"],
  incomplete: ["Incomplete", "text-ink-2"],
};

/** Returns the label and the color of the result of a run. */
export const conclusion = (run: CheckRun): readonly [string, string] =>
  run.conclusion ? SIGNATURE_STATUSES[run.conclusion] : ["Running", "text-ink-2"];

/** Returns the number of finished checks of a run. */
export const doneOf = ({ counts }: CheckRun): number => Object.values(counts).reduce((sum, one) => sum + one, 0);

/** Outcomes in the order in which a report lists them. */
export const OUTCOME_ORDER = Object.keys(OUTCOMES) as Outcome[];
