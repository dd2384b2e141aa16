//! Order of concurrent deliveries of one inbox.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

/// Turn of a delivery among the deliveries of its inbox. Dropping the turn starts the next turn.
#[derive(Debug, Default)]
pub struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _passes_on: Option<oneshot::Sender<()>>,
}

impl Turn {
    /// Waits until all earlier turns are dropped. Later calls return at once.
    pub async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            // No value is ever sent. The wait ends when the sender is dropped.
            let _ = before.await;
            self.before = None;
        }
    }
}

/// Last assigned turn of each inbox.
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
    async fn turns_wait_only_for_earlier_turns_of_the_same_inbox() {
        let turns = Turns::default();
        let (mut first, mut second, mut other) = (turns.next("a"), turns.next("a"), turns.next("b"));
        first.come().await;
        other.come().await;
        assert!(timeout(Duration::from_millis(10), second.come()).await.is_err());
        drop(first);
        second.come().await;
    }
}
