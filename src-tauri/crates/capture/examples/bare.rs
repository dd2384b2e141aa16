//! Baseline server for benchmarks: an axum handler that reads the body and responds with 200, or never responds for
//! paths under `/hang`. Prints its URL.
#![allow(clippy::print_stdout)]

use axum::{Router, body::Bytes, routing::any};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    // Hundreds of clients connect at once. A connection that finds the accept queue full is retried only after one
    // second (RFC 6298 §2).
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(4096)?;
    println!("http://{}", listener.local_addr()?);
    let app = Router::new().route("/hang/{n}", any(std::future::pending::<()>)).fallback(any(async |_: Bytes| ()));
    axum::serve(listener, app).await
}
