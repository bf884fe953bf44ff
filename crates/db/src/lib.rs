//! One face over SQLite and PostgreSQL.
//!
//! The shape of a unit of work is `db.write(async |mut tx| { … helper(&mut tx, company).await? … }).await`: the closure
//! receives the connection **by value**. A closure that receives `&mut Conn` (`AsyncFn(&mut Conn)`) cannot be proven
//! `Send` inside an axum handler by today's compiler (rust-lang/rust#110338), whatever it captures. Helpers still take
//! `&mut Conn`. The closure borrows what it uses (no `move`), because it may run more than once:
//!
//! ```text
//! pub async fn write<T, E, F>(&self, unit: impl Fn(Conn) -> F) -> Result<T, E>
//! where
//!     E: From<Error>,
//!     F: Future<Output = Result<T, E>> + Send;
//! ```
