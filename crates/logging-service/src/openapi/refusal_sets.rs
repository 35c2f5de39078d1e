//! The refusals that several operations share, as sets for their descriptions.

use monitoring::refusals;

refusals! {
    /// A question can be refused with these.
    pub(crate) QueryRefusals: InvalidRequest, Overloaded, NotReady, DeadlineExceeded;
    /// A question for one thing can also find nothing.
    pub(crate) LookupRefusals: InvalidRequest, NotFound, Overloaded, NotReady, DeadlineExceeded;
    /// A removal can be refused with these.
    pub(crate) RemovalRefusals: InvalidRequest, Forbidden, Overloaded, NotReady, DeadlineExceeded;
    /// A body that is to be stored can be refused with these.
    pub(crate) IngestRefusals: InvalidRequest, Forbidden, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
    /// A form of a page can be refused with these.
    pub(crate) FormRefusals: InvalidRequest, Forbidden, NotFound, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
    /// Events have no unsupported content type, because in binary mode it is the payload's; a coding may be unknown.
    pub(crate) EventRefusals: InvalidRequest, Forbidden, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
}
