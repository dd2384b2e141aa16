//! Routes for the query language and saved searches.

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
            "See docs/search.md or `hookbench requests --help`. `GET /api/v1/query` returns the position of the error.";
        Self::new(ErrorCode::BadQuery, error.to_string(), hint)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TextQuery {
    /// Text of the query.
    text: String,
    /// Position of the cursor, in characters. Completions are returned for this position. Default: no completions.
    caret: Option<usize>,
}

/// Analysis of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryAnalysis {
    /// Syntax error. Null if the query is valid.
    error: Option<QueryError>,
    /// Terms in order. Empty if the query has a syntax error.
    terms: Vec<QueryTerm>,
    /// Completions at the cursor. Empty without `caret`.
    completions: Vec<QueryCompletion>,
}

/// A term of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryTerm {
    /// Start of the term, in characters.
    at: usize,
    /// Length of the term, in characters.
    length: usize,
    /// True if the term refers to a field. False for text that is searched everywhere.
    field: bool,
    /// True if the term is negated.
    negated: bool,
}

/// Parse a query
///
/// Returns the terms of a query, a syntax error if the query is invalid, and completions at the cursor.
#[utoipa::path(get, path = "/query", tag = "search", params(TextQuery), responses((status = 200, body = QueryAnalysis)))]
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
                engine.providers.catalog().providers().map(|provider| provider.id.clone()).collect();
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

/// List of the fields that a query can contain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryFieldList {
    /// The items.
    items: &'static [QueryField],
}

/// List query fields
///
/// Returns the fields that a query can contain.
#[utoipa::path(get, path = "/query/fields", tag = "search", responses((status = 200, body = QueryFieldList)))]
pub(crate) async fn fields() -> Json<QueryFieldList> {
    Json(QueryFieldList { items: FIELDS })
}

/// List saved searches
///
/// Returns all saved searches, oldest first.
#[utoipa::path(get, path = "/saved-searches", tag = "search", responses((status = 200, body = SavedSearchList)))]
pub(crate) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<SavedSearchList>, ApiError> {
    Ok(Json(SavedSearchList { items: engine.store.readers().read(hookbench_store::saved_search::all).await? }))
}

/// Save a search
///
/// Saves a query under a name. Replaces the saved search of the same name, if there is one.
#[utoipa::path(put, path = "/saved-searches/{name}", tag = "search", params(("name" = String, Path)), request_body = SavedSearchNew, responses(
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
            "The name of a saved search must have 1 to {NAME_MAX} characters and no control characters."
        )));
    }
    Query::parse(&asked.query)?;
    if let Some(inbox) = &asked.inbox {
        super::inboxes::find(&engine, inbox)?;
    }
    let saved = SavedSearch { name, asked };
    let now_us = engine.clock.now_us();
    let work = {
        let saved = saved.clone();
        move |connection: &Connection| {
            let others = hookbench_store::saved_search::all(connection)?;
            if others.len() >= SAVED_MAX && !others.iter().any(|other| other.name.eq_ignore_ascii_case(&saved.name)) {
                return Err(ApiError::invalid(format!(
                    "The limit of {SAVED_MAX} saved searches is reached. Delete one first."
                )));
            }
            Ok(hookbench_store::saved_search::save(&saved, connection, now_us)?)
        }
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::SavedSearchesChanged])).await?;
    Ok(Json(saved))
}

/// Delete a saved search
///
/// Permanently deletes a saved search.
#[utoipa::path(delete, path = "/saved-searches/{name}", tag = "search", params(("name" = String, Path)), responses(
    (status = 204), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn remove(
    State(engine): State<Arc<Engine>>,
    extract::Path(name): extract::Path<String>,
) -> Result<StatusCode, ApiError> {
    let missing = ApiError::not_found(ErrorCode::SavedSearchNotFound, format!("There is no saved search {name:?}."));
    let work = move |connection: &Connection| match hookbench_store::saved_search::remove(connection, &name)? {
        true => Ok(()),
        false => Err(missing),
    };
    let feed = engine.feed.clone();
    engine.store.write(work, move |()| feed.publish([Change::SavedSearchesChanged])).await?;
    Ok(StatusCode::NO_CONTENT)
}
