use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{Change, ErrorCode, QueryCompletion, SavedSearch, SavedSearchList, SavedSearchNew};
use hookbench_query::{FIELDS, Query, QueryError, QueryField, Term};
use hookbench_search::complete;
use hookbench_store::saved_search::{NAME_MAX, SAVED_MAX};
use http::StatusCode;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let hint =
            "`hookbench requests --help` and docs/query.md have the language; /api/v1/query says where it is wrong.";
        Self::new(ErrorCode::BadQuery, error.to_string(), hint)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TextQuery {
    /// The query as typed.
    text: String,
    /// Where the caret stands, in characters; completions are for there.
    caret: Option<usize>,
}

/// A query as it reads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryAnalysis {
    /// Why it does not read.
    error: Option<QueryError>,
    /// Its terms, in order; none where it does not read.
    terms: Vec<QueryTerm>,
    /// What may come at the caret.
    completions: Vec<QueryCompletion>,
}

/// A term of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryTerm {
    /// Where it stands, in characters.
    at: usize,
    /// How many it has.
    length: usize,
    /// Whether it is a field's; else it is text that is looked for everywhere.
    field: bool,
    /// Whether it must not match.
    negated: bool,
}

/// Read a query that is being typed: its terms, what is wrong with it, what may come next.
#[utoipa::path(get, path = "/query", tag = "queries", params(TextQuery), responses((status = 200, body = QueryAnalysis)))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<TextQuery>,
) -> Result<Json<QueryAnalysis>, ApiError> {
    let completions = match query.caret {
        None => Vec::new(),
        Some(caret) => {
            let before: String = query.text.chars().take(caret).collect();
            let known = engine.known();
            let providers: Vec<String> =
                engine.providers.catalogue().providers().map(|provider| provider.id.clone()).collect();
            engine.store.readers().read(move |connection| complete(connection, &known, &providers, &before)).await?
        }
    };
    let (terms, error) = match Query::parse(&query.text) {
        Ok(parsed) => {
            let shown = |(term, negated): (&Term, bool)| QueryTerm {
                at: query.text[..term.span.start].chars().count(),
                length: query.text[term.span.clone()].chars().count(),
                field: term.is_of_a_field(),
                negated,
            };
            (parsed.terms().into_iter().map(shown).collect(), None)
        }
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Json(QueryAnalysis { error, terms, completions }))
}

/// The fields a query can ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryFieldList {
    items: &'static [QueryField],
}

/// The fields a query can ask for.
#[utoipa::path(get, path = "/query/fields", tag = "queries", responses((status = 200, body = QueryFieldList)))]
pub(crate) async fn fields() -> Json<QueryFieldList> {
    Json(QueryFieldList { items: FIELDS })
}

/// Saved queries.
#[utoipa::path(get, path = "/queries", tag = "queries", responses((status = 200, body = SavedSearchList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<SavedSearchList>, ApiError> {
    Ok(Json(SavedSearchList { items: engine.store.readers().read(hookbench_store::saved_search::all).await? }))
}

/// Save a query under a name; one of the same name is replaced.
#[utoipa::path(put, path = "/queries/{name}", tag = "queries", params(("name" = String, Path)), request_body = SavedSearchNew, responses(
    (status = 200, body = SavedSearch), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn save(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
    extract::Json(asked): extract::Json<SavedSearchNew>,
) -> Result<Json<SavedSearch>, ApiError> {
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "A saved query's name has 1 to {NAME_MAX} characters, none of them a control character."
        )));
    }
    Query::parse(&asked.query)?;
    if let Some(inbox) = &asked.inbox {
        engine.addresses.get(inbox).ok_or_else(|| ApiError::no_inbox(inbox))?;
    }
    let saved = SavedSearch { name, asked };
    let now_us = engine.clock.now_us();
    let work = {
        let saved = saved.clone();
        move |connection: &Connection| {
            let others = hookbench_store::saved_search::all(connection)?;
            if others.len() >= SAVED_MAX && !others.iter().any(|other| other.name.eq_ignore_ascii_case(&saved.name)) {
                return Err(ApiError::invalid(format!(
                    "There are at most {SAVED_MAX} saved queries; remove one first."
                )));
            }
            Ok(hookbench_store::saved_search::save(&saved, connection, now_us)?)
        }
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::QueriesChanged])).await?;
    Ok(Json(saved))
}

/// Remove a saved query.
#[utoipa::path(delete, path = "/queries/{name}", tag = "queries", params(("name" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let missing = ApiError::not_found(ErrorCode::QueryNotFound, format!("There is no saved query {name:?}."));
    let work = move |connection: &Connection| match hookbench_store::saved_search::remove(connection, &name)? {
        true => Ok(()),
        false => Err(missing),
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::QueriesChanged])).await?;
    Ok(StatusCode::NO_CONTENT)
}
