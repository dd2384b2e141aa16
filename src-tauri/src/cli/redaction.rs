//! The flags that redact values in the requests that a command writes.

use form_urlencoded::Serializer;

#[derive(Debug, clap::Args)]
pub(super) struct Redaction {
    /// Redact the value of this header; repeatable
    #[arg(long, value_name = "NAME")]
    redact_header: Vec<String>,
    /// Redact the values at this path in JSON bodies; repeatable
    ///
    /// Example paths: data.user.email and items[*].name.
    ///
    /// A body that is not JSON is replaced.
    #[arg(long, value_name = "PATH")]
    redact_path: Vec<String>,
}

impl Redaction {
    /// Adds the IDs of the requests, and what is redacted in them, to the parameters of a route.
    pub(super) fn append(&self, ids: &[String], params: &mut Serializer<String>) {
        let lists = [("ids", ids), ("redact_headers", &self.redact_header), ("redact_paths", &self.redact_path)];
        for (name, listed) in lists.into_iter().filter(|(_, listed)| !listed.is_empty()) {
            params.append_pair(name, &listed.join(","));
        }
    }
}
