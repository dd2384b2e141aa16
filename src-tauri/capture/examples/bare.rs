//! The bench's reference: a bare axum handler that reads the body and answers 200; under `/hang` it
//! never does. Prints its URL.
#![allow(clippy::print_stdout)]

use axum::{Router, body::Bytes, routing::any};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let app = Router::new().route("/hang/{n}", any(std::future::pending::<()>)).fallback(any(async |_: Bytes| ()));
    axum::serve(listener, app).await
}
