//! Download of a document: one GET without data about this computer.

use std::time::Duration;

use bytes::Bytes;
use hookbench_capture::Piece;
use tokio::sync::{mpsc, oneshot};

use crate::{Connections, Outgoing, Payload, ResponseTap, SendOptions, Trust, exchange};

/// Maximum time of a download.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum time for the connection.
const CONNECT: Duration = Duration::from_secs(15);

/// Downloads a document of at most `max` bytes. `accept` is the value of the header `Accept`.
///
/// # Errors
///
/// Returns a sentence if there is no response with status 200, or if the document is larger.
pub async fn download(url: &str, accept: &str, max: usize, now_s: i64) -> Result<Vec<u8>, String> {
    let headers = [("Accept", accept), ("User-Agent", "Hookbench")];
    let outgoing = Outgoing {
        method: "GET".into(),
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Payload::Memory(Bytes::new()),
    };
    let options = SendOptions {
        total: TIMEOUT,
        connect: CONNECT,
        trust: Trust::default(),
        lower_case: false,
        fresh: true,
        now_s,
    };
    let connections = Connections::new();
    let (head, _head) = oneshot::channel();
    let (body, mut pieces) = mpsc::channel(16);
    let collected = async {
        let mut document = Vec::new();
        while let Some(piece) = pieces.recv().await {
            if let Piece::Data(data) = piece {
                document.extend_from_slice(&data);
            }
            if document.len() > max {
                return Err(format!("The document at {url} is larger than {max} bytes."));
            }
        }
        Ok(document)
    };
    let downloaded = async { Ok(exchange(&connections, &outgoing, &options, Some(ResponseTap { head, body })).await) };
    let (exchanged, document) = tokio::try_join!(downloaded, collected)?;
    let received = exchanged.result.map_err(|error| format!("{url} cannot be downloaded: {}", error.message))?;
    match received.status {
        200 => Ok(document),
        status @ 300..400 => Err(format!(
            "{url} cannot be downloaded: the response has status {status}. Pass the URL that it redirects to."
        )),
        status => Err(format!("{url} cannot be downloaded: the response has status {status}.")),
    }
}
