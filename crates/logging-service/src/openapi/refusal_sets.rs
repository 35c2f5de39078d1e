//! The refusals that several operations share, as sets for their descriptions.

use monitoring::refusals;

refusals! {
    /// A question can be refused with these.
    pub(crate) QueryRefusals: InvalidRequest, Overloaded, NotReady, DeadlineExceeded;
    /// A question for one thing can also find nothing.
    pub(crate) LookupRefusals: InvalidRequest, NotFound, Overloaded, NotReady, DeadlineExceeded;
    /// A body that is to be stored can be refused with these.
    pub(crate) IngestRefusals: InvalidRequest, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
    /// Events have no unsupported content type, because in binary mode it is the payload's; a coding may be unknown.
    pub(crate) EventRefusals: InvalidRequest, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
}
