//! Webhook signature schemes as data.
//!
//! A [`Scheme`] describes where a message carries its signature, which bytes the signature covers, and how the sender
//! computes it. [`verify`] verifies a message, [`sign`] signs a message as the vendor does, and [`explain`] names the
//! mistake that accounts for an invalid signature. The crate performs no I/O, and callers pass the current time.
//!
//! ```
//! use hookbench_signature::{Keys, Message, Scheme, State, verify};
//!
//! let github: Scheme = serde_json::from_value(serde_json::json!({ "digest": {
//!     "signature": ["header:X-Hub-Signature-256"],
//!     "prefix": "sha256=",
//!     "content": "{body}",
//!     "algorithm": "hmac-sha256",
//! }})).unwrap();
//! // The example of GitHub's "Validating webhook deliveries".
//! let headers = [("X-Hub-Signature-256", &b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"[..])];
//! let message = Message { method: "POST", target: "/", url: None, headers: &headers, body: b"Hello, World!" };
//! let keys = Keys::of("It's a Secret to Everybody");
//! assert_eq!(verify(&github, &message, &keys, 0).state, State::Valid);
//! ```
#![forbid(unsafe_code)]

mod algorithm;
mod certificate;
mod code;
mod digest;
mod encoding;
mod explain;
mod fault;
mod find;
mod jose;
mod jws;
mod jwt;
mod key;
mod message;
mod scheme;
mod sign;
mod signed;
mod source;
mod template;
mod timestamp;
mod verify;

pub use algorithm::Algorithm;
pub use code::Code;
pub use encoding::Encoding;
pub use explain::{Cancel, Explanation, Finding, SearchContext, Vendor, explain};
pub use fault::{Fault, State, Verification};
pub use find::find;
pub use key::{KeyForm, Keys};
pub use message::{Message, ParsedMessage};
pub use scheme::{BodyClaim, CertificateRule, Digest, Jws, Jwt, Scheme};
pub use sign::{SignError, sign};
pub use signed::Signed;
pub use source::{Place, Source};
pub use template::{Part, Template};
pub use timestamp::{TimestampRule, Unit};
pub use verify::{meets, signed_content, verify};
