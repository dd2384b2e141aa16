//! Resource types of the API, and conversion of captured bytes to displayable text.
//!
//! Every crate that creates, stores or displays a resource uses the types of this crate: the store writes them to the
//! database, the API serializes them, and the command line reads them. The OpenAPI document is generated from the types
//! and their doc comments. The types of the window are generated from the OpenAPI document. The crate performs no I/O.
#![forbid(unsafe_code)]

mod attempt;
mod body_part;
mod change;
mod check;
mod code_sample;
mod content;
mod deletion;
mod delivery;
mod diagnosis;
mod endpoint;
mod error;
mod event;
mod forward;
mod header;
mod header_rules;
mod health;
mod inbox;
mod job;
mod limits;
mod listener;
mod message;
mod path_rule;
mod pipeline;
mod policy;
mod project;
mod refusal;
mod replay;
mod report;
mod request;
mod response;
mod response_preview;
mod response_rule;
mod rule_stats;
mod saved_search;
mod scenario;
mod schema_status;
mod search_index;
mod setting;
mod settings;
mod signature_status;
mod status;
mod suggestion;
mod text;
mod time;
mod timeline;
mod tunnel;
mod url;
mod verification;
mod wait;

pub use attempt::{Attempt, AttemptError, AttemptErrorKind, AttemptPhase, AttemptTimings};
pub use body_part::{BodyPart, BodyPartList, BodyReading};
pub use change::{Change, FeedItem};
pub use check::{
    CheckChange, CheckCommand, CheckComparison, CheckConclusion, CheckCounts, CheckExchange, CheckFinding, CheckLevel,
    CheckList, CheckOutcome, CheckPlan, CheckPlanItem, CheckReport, CheckReportFormat, CheckResponse, CheckResult,
    CheckRule, CheckRuleList, CheckRun, CheckRunState, CheckSettings, SideEffectProbe,
};
pub use code_sample::CodeSample;
pub use content::{BodyContent, BodyKind};
pub use deletion::Deletion;
pub use delivery::{
    Delivery, DeliveryDetail, DeliveryFilter, DeliveryList, DeliveryOrigin, DeliveryRetryResult, DeliveryState,
};
pub use diagnosis::{Diagnosis, DiagnosisResult, DiagnosisStep};
pub use endpoint::{
    Endpoint, EndpointHeader, EndpointList, EndpointSecret, EndpointSecretList, EndpointSettings, EndpointState,
    EndpointStats, EndpointStatsSlice, matches_type,
};
pub use error::{Error, ErrorCode};
pub use event::{Event, EventList, EventSendResult};
pub use forward::{Forward, ForwardMode, ForwardTransform};
pub use header::{HeaderLine, MASK};
pub use header_rules::HeaderRules;
pub use health::{DatabaseFault, DatabaseHealth};
pub use inbox::{Inbox, InboxList, InboxSecretList, InboxTestResult};
pub use job::{FileFormat, ImportError, ImportRecord, ImportResult, Job, JobKind, JobList, JobState};
pub use limits::ListenerLimits;
pub use listener::ListenerState;
pub use message::{BodyState, HeaderNames, HttpVersion};
pub use path_rule::PathRule;
pub use pipeline::{PipelineStage, StageProgress};
pub use policy::{
    AutoDisable, DeliveryPolicy, GoneAction, HttpsRule, PolicyOverrides, PolicyValue, RETRIES_MAX, RetryOn,
    RetrySchedule, SuccessStatuses,
};
pub use project::{Project, ProjectList, ProjectNew, ProjectResource, ProjectResourceType};
pub use refusal::{Refusal, RefusalList, RefusalTotal};
pub use replay::{
    ReSignWith, Replay, ReplayEdit, ReplayFailure, ReplayLatencies, ReplayList, ReplayReport, ReplayResponses,
    ReplaySettings, ReplayState, ReplayTarget,
};
pub use report::{RequestReport, RequestReportFormat};
pub use request::{
    OutgoingSummary, RequestCount, RequestDetail, RequestList, RequestListItem, RequestMarks, RequestSummary,
    RequestTraffic, RequestTrafficCounts, SearchSnippet,
};
pub use response::{InboxResponse, RESPONSE_BODY_MAX, ResponseFault, ResponseFile};
pub use response_preview::{ResponseCandidate, ResponsePreview};
pub use response_rule::{ResponseRule, SequenceEnd, SequencePer, unreachable_rules};
pub use rule_stats::{InboxRuleStats, InboxRuleStatsList};
pub use saved_search::{QueryCompletion, SavedSearch, SavedSearchList, SavedSearchNew};
pub use scenario::{
    Scenario, ScenarioList, ScenarioRun, ScenarioRunDetail, ScenarioRunList, ScenarioRunStep, ScenarioStep,
};
pub use schema_status::{RequestSchemaStatus, RequestViolation};
pub use search_index::SearchIndexState;
pub use setting::{Setting, SettingsPatch, list_settings, settings_patch};
pub use settings::{RetentionPolicy, Settings, SettingsCloseAction, merge};
pub use signature_status::SignatureStatus;
pub use status::{DatabaseStatus, Status, StatusRelease};
pub use suggestion::did_you_mean;
pub use text::{is_invisible, text, text_by};
pub use time::{milliseconds, timestamp};
pub use timeline::{Timeline, TimelineItem, TimelineRepeat};
pub use tunnel::{
    BacklogAction, BacklogDecision, BacklogPolicy, Exposure, ExposureCredentials, ExposureSettings, Tunnel,
    TunnelConnection, TunnelDrop, TunnelKind, TunnelList, TunnelNew,
};
pub use url::masked_url;
pub use verification::VerificationSettings;
pub use wait::{RequestWait, RequestWaitOther, RequestWaitResult};

/// Maximum length of the note of a request, in bytes.
pub const NOTE_MAX: usize = 4_000;
