//! `hookbench diff`: compares two requests or two responses.

use hookbench_api::{Diff, DiffRow, DiffRowKind};

use super::{Api, Context, error::CliError, latest, terminal};
use crate::transport::encoded;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// ID of a request or `latest`; DELIVERY:NUMBER for the response to an attempt
    a: String,
    /// ID of the request or response to compare with
    b: String,
}

impl Args {
    pub(super) fn of(a: String, b: String) -> Self {
        Self { a, b }
    }
}

/// Prints the differences. Fails with [`CliError::No`] if there are any.
pub(super) async fn run(api: &Api, context: &Context, args: Args) -> Result<(), CliError> {
    let (a, b) = (latest::request(api, &args.a).await?, latest::request(api, &args.b).await?);
    let diff: Diff = api.get(&format!("/diff?a={}&b={}", encoded(&a), encoded(&b))).await?;
    if context.json {
        terminal::json(&diff);
        return if diff.same { Ok(()) } else { Err(CliError::No) };
    }
    row(&diff.line);
    diff.headers.iter().filter(|header| header.kind != DiffRowKind::Same).for_each(row);
    if diff.changes != 0 {
        terminal::line("");
        diff.body.iter().for_each(row);
    }
    if let Some(note) = &diff.note {
        terminal::say(note);
    }
    if diff.same {
        terminal::say("No differences.");
        return Ok(());
    }
    Err(CliError::No)
}

fn row(row: &DiffRow) {
    let indent = "  ".repeat(row.depth.min(40));
    let print = |sign: char, side: &Option<String>| {
        if let Some(text) = side {
            terminal::line(&format!("{sign} {indent}{}", terminal::shown(text)));
        }
    };
    match row.kind {
        DiffRowKind::Same => print(' ', &row.a),
        DiffRowKind::Skipped => terminal::line(&format!("  … {} unchanged", row.skipped)),
        DiffRowKind::Added | DiffRowKind::Removed | DiffRowKind::Changed => {
            print('-', &row.a);
            print('+', &row.b);
        }
    }
}
