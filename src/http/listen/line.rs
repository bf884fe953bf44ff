//! The bytes of a connection, which say whether anything moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::seat::Seat;

/// A TCP connection that tells its seat what happens on it.
#[derive(Debug)]
pub(super) struct Line {
    /// There until it is dropped.
    stream: Option<TcpStream>,
    seat: Arc<Seat>,
    linger: Duration,
}

impl Line {
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>, linger: Duration) -> Line {
        Line { stream: Some(stream), seat, linger }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.seat.written(result.is_ready());
        result
    }
}

impl Drop for Line {
    /// A system that has unread bytes when it closes a connection says so by a reset, and the other side may then lose
    /// the answer that it was sent. So the bytes are taken for a while.
    fn drop(&mut self) {
        if !self.seat.lingers() {
            return;
        }
        if let (Some(stream), Ok(runtime)) = (self.stream.take(), Handle::try_current()) {
            let (seat, linger) = (Arc::clone(&self.seat), self.linger);
            runtime.spawn(async move {
                let _ = tokio::time::timeout(linger, drain(stream)).await;
                drop(seat);
            });
        }
    }
}

async fn drain(mut stream: TcpStream) {
    let mut bytes = vec![0; 16 * 1024];
    while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.stream()?.poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.seat.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = self.stream()?.poll_write(cx, buf);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.stream()?.poll_write_vectored(cx, bufs);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
