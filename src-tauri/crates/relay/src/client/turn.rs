//! Order among deliveries of one inbox that are under way at one time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// A delivery's turn among those of its inbox. Dropping it lets the next one have its own.
#[derive(Debug, Default)]
pub struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _passes_on: Option<oneshot::Sender<()>>,
}

impl Turn {
    /// Returns when those before it have had theirs. Asked again, at once.
    pub async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            // Nothing is ever sent: the other end is dropped.
            let _ = before.await;
            self.before = None;
        }
    }
}

/// The last turn given, by inbox.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, oneshot::Receiver<()>>>);

impl Turns {
    pub(super) fn next(&self, inbox: &str) -> Turn {
        let (passes_on, after) = oneshot::channel();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { before: last.insert(inbox.to_owned(), after), _passes_on: Some(passes_on) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_turn_comes_when_the_one_before_is_over_and_inboxes_do_not_wait_for_each_other() {
        let turns = Turns::default();
        let (mut first, mut second, mut other) = (turns.next("a"), turns.next("a"), turns.next("b"));
        first.come().await;
        other.come().await;
        assert!(timeout(Duration::from_millis(10), second.come()).await.is_err());
        drop(first);
        second.come().await;
    }
}
