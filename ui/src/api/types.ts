/** Types of the API by the names used in the page. Fields with a default may be omitted. */
import type { components } from "./schema.gen";

export type Inbox = components["schemas"]["Inbox"];
export type InboxResponse = components["schemas"]["InboxResponse"];
export type Summary = components["schemas"]["RequestSummary"];
export type SearchSnippet = components["schemas"]["SearchSnippet"];
export type Traffic = components["schemas"]["RequestTraffic"];
export type TrafficCounts = components["schemas"]["RequestTrafficCounts"];
export type RequestReport = components["schemas"]["RequestReport"];
export type DiffPart = components["schemas"]["DiffTextPart"];
export type RuleStats = components["schemas"]["InboxRuleStats"];
export type ResponsePreview = components["schemas"]["ResponsePreview"];
export type Detail = components["schemas"]["RequestDetail"];
export type HeaderLine = components["schemas"]["HeaderLine"];
export type Status = components["schemas"]["Status"];
export type PipelineStage = components["schemas"]["PipelineStage"];
export type Settings = components["schemas"]["Settings"];
export type Refusal = components["schemas"]["Refusal"];
export type Part = components["schemas"]["BodyPart"];
export type Verification = components["schemas"]["VerificationSettings"];
export type Explanation = components["schemas"]["SignatureExplanation"];
/** A request body whose omitted fields get their defaults. */
export type Question = Verification & { request: string };
export type WholeQuestion = components["schemas"]["SignatureInput"];
/** Settings for the verification of a stored request, in place of those of the inbox. */
export interface Trial {
  scheme?: object;
  secrets?: string[];
  params?: Record<string, string>;
  url?: string;
}
export type WholeTrial = components["schemas"]["SignatureTrial"];
export type Endpoint = components["schemas"]["Endpoint"];
export type EndpointSettings = components["schemas"]["EndpointSettings"];
export type EndpointStats = components["schemas"]["EndpointStats"];
export type Scenario = components["schemas"]["Scenario"];
export type ScenarioRun = components["schemas"]["ScenarioRun"];
export type ScenarioRunDetail = components["schemas"]["ScenarioRunDetail"];
export type Snippet = components["schemas"]["CodeSample"];
export type Cause = components["schemas"]["DiagnosisStep"];
export type Delivery = components["schemas"]["Delivery"];
export type DeliveryDetail = components["schemas"]["DeliveryDetail"];
export type Attempt = components["schemas"]["Attempt"];
/** A value of a policy and its origin. */
export type Fact<T = unknown> = { stated: T } | { assumed: T } | { own: T };
/** The parts of a provider file that are needed for sending. */
export interface ProviderFile {
  name: string;
  sending: null | {
    signed: boolean;
    /** `sent_as` is the event type as sent, if the name of the event differs. */
    events: { type: string; sent_as?: string; about: string; sample: unknown; stated: string[] }[];
    traps: { events: string[]; warning: string }[];
    policy: Record<string, Fact>;
  };
}
export type TimelineItem = components["schemas"]["TimelineItem"];
export type Diff = components["schemas"]["Diff"];
export type DiffRow = Diff["body"][number];
export type Project = components["schemas"]["Project"];
export type ProjectResource = components["schemas"]["ProjectResource"];
export type SavedSearch = components["schemas"]["SavedSearch"];
export type ReadQuery = components["schemas"]["QueryAnalysis"];
export type Completion = components["schemas"]["QueryCompletion"];
export type InferredSchema = components["schemas"]["SchemaDetail"];
export type SchemaField = components["schemas"]["SchemaField"];
export type SchemaChange = components["schemas"]["SchemaChange"];
export type Job = components["schemas"]["Job"];
export type Tunnel = components["schemas"]["Tunnel"];
export type TunnelNew = components["schemas"]["TunnelNew"];
export type Exposure = components["schemas"]["Exposure"];
export type ExposureSettings = components["schemas"]["ExposureSettings"];

export type InboxChange = components["schemas"]["InboxChange"];
export type Rule = components["schemas"]["ResponseRule"];
export type Forward = components["schemas"]["Forward"];
export type Replay = components["schemas"]["Replay"];
export type ReplayNew = components["schemas"]["ReplayNew"];
export type CheckRun = components["schemas"]["CheckRun"];
/** A request body whose omitted fields get their defaults. */
export interface CheckNew {
  settings: Partial<components["schemas"]["CheckSettings"]>;
  confirm?: string;
}
export type WholeCheck = components["schemas"]["CheckNew"];
export type CheckPlan = components["schemas"]["CheckPlan"];
export type Asked = components["schemas"]["CheckResult"];

/** A filter for deliveries. All conditions must match. */
export interface DeliveryFilter {
  endpoint?: string;
  state?: Delivery["state"];
  since?: string;
  until?: string;
  type?: string;
  status?: string;
  url?: string;
  text?: string;
}
