//! A tiny page, served by the test itself, that proves the helpers without the program.

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server of one page.
pub struct Fixture {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Fixture {
    /// Serves `page` at every path, under a policy that allows it nothing but what is written in it.
    ///
    /// # Errors
    /// No port is free.
    pub async fn serve(page: &'static str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-security-policy: default-src 'none'; \
             script-src 'unsafe-inline'; img-src data:\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        let task = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    if matches!(socket.read(&mut request).await, Ok(1..)) {
                        let _ = socket.write_all(answer.as_bytes()).await;
                        let _ = socket.shutdown().await;
                    }
                });
            }
        });
        Ok(Self { port, task })
    }

    /// Where.
    pub fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.task.abort();
    }
}
