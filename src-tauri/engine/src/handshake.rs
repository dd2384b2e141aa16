//! Answering what a vendor asks: its question at registration, or each of its deliveries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_capture::{Answer, Arrived};
use hookline_provider::Filled;
use hookline_signature::{Message, verify};
use rusqlite::Connection;

use crate::{
    Engine,
    feed::Change,
    inbox::{InboxAnswer, InboxRow},
    judge::header_pairs,
};

/// Answers that are the same for every request, by what they say: their numbers in the store.
#[derive(Debug, Default)]
pub(crate) struct FixedAnswers(Mutex<HashMap<(String, u16, String), i64>>);

impl FixedAnswers {
    fn get(&self, key: &(String, u16, String)) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    fn put(&self, key: (String, u16, String), number: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, number);
    }
}

impl Engine {
    /// The answer a request asks for by its vendor's rules; none where it asks for nothing.
    pub(crate) async fn handshake(self: &Arc<Self>, inbox: i64, request: Arrived<'_>) -> Option<Arc<Answer>> {
        let address = self.addresses.by_number(inbox)?;
        let catalogue = self.providers.catalogue();
        let verification = &address.verification;
        let provider = catalogue.get(verification.provider.as_deref()?)?;
        if provider.handshakes.is_empty() {
            return None;
        }
        let headers = header_pairs(request.headers);
        let message = Message {
            method: request.method.as_str(),
            target: request.target,
            url: None,
            headers: &headers,
            body: request.body,
        };
        let own = !address.answer.body.is_empty() || !address.answer.status.is_success();
        let registered = verification.url.clone().filter(|url| !url.is_empty()).unwrap_or_else(|| {
            let url = message.signed_url();
            url.split('?').next().unwrap_or(&url).to_owned()
        });
        let keys = verification.keys();
        let holds = || {
            let url = verification.url_of(&address.name, request.target);
            let message = Message { url: url.as_deref(), ..message };
            verification.scheme(&catalogue).map_or(hookline_signature::State::Unsigned, |(_, record)| {
                verify(&record.scheme, &message, &keys, request.arrived_us / 1_000).state
            })
        };
        let question = Message { url: Some(&registered), ..message };
        let answered = provider.answer(&question, &keys, own, holds)?;
        if let Some(secret) = answered.secret
            && verification.secrets.iter().all(String::is_empty)
        {
            self.keep_told_secret(address.name.clone(), secret).await;
        }
        let origin = format!("{}: {}", provider.name, answered.name);
        self.given(answered.answer?, origin, answered.fixed).await
    }

    /// The answer, once it is in the store: a request refers to what it was answered.
    async fn given(&self, filled: Filled, origin: String, fixed: bool) -> Option<Arc<Answer>> {
        let key = (origin.clone(), filled.status, filled.body.clone());
        let answer =
            InboxAnswer { status: filled.status, headers: filled.headers, body: filled.body, ..InboxAnswer::default() };
        if let Some(number) = self.fixed_answers.get(&key).filter(|_| fixed) {
            return answer.compile(number).ok().map(Arc::new);
        }
        let stored = answer.clone();
        let work = move |connection: &Connection| match fixed {
            true => stored.insert(connection, &origin),
            false => stored.insert_once(connection, &origin),
        };
        let number = match self.store.write(work, |_| ()).await {
            Ok(number) => number,
            Err(error) => {
                // The request itself is about to fail the same way, and says so to its sender.
                tracing::warn!(%error, "a handshake's answer could not be stored");
                return None;
            }
        };
        if fixed {
            self.fixed_answers.put(key, number);
        }
        answer.compile(number).ok().map(Arc::new)
    }

    /// Keeps a secret a vendor told an inbox that has none: the first to tell one is believed, and
    /// nobody after.
    async fn keep_told_secret(&self, name: String, secret: String) {
        let (feed, addresses, was) = (self.feed.clone(), self.addresses.clone(), name.clone());
        let work = move |connection: &Connection| {
            let Some(mut row) = InboxRow::named(connection, &name)? else { return Ok(None) };
            if !row.verification.secrets.iter().all(String::is_empty) {
                return Ok(None);
            }
            row.verification.secrets = vec![secret];
            row.update(connection)?;
            Ok::<_, rusqlite::Error>(Some((row.clone(), row.counted(connection)?)))
        };
        let after = move |changed: &Option<(InboxRow, crate::Inbox)>| {
            if let Some((row, inbox)) = changed {
                if let Ok(address) = row.address() {
                    addresses.put(address);
                }
                feed.publish([Change::InboxChanged { was, inbox: inbox.clone() }]);
            }
        };
        if let Err(error) = self.store.write(work, after).await {
            tracing::warn!(%error, "a secret told by a vendor could not be kept");
        }
    }
}
