//! The provider in the box: plays the servers of a chat provider, for Sala's own tests and for those who build on it.
//!
//! [`mod@line`] plays LINE. It follows LINE's published reference and shares no code with the adapter that talks to it, so
//! what passes here does not pass only because the same mistake was made on both sides.
pub mod line;
