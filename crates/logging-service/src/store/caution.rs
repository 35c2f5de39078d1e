//! What may go wrong with a database that works.

use monitoring::label_enum;

label_enum! {
    /// Something about a database that costs nothing until the day on which it costs rows.
    pub enum DatabaseCaution: "caution" {
        /// A standby would take over without rows that were acknowledged.
        AsynchronousStandby = "asynchronous_standby",
        /// The server does not wait for its disk.
        NotDurable = "not_durable",
        /// Rows and password travel in clear text.
        Unencrypted = "unencrypted",
        /// The role may not make partitions, or those of tomorrow are not there.
        NoPartition = "no_partition",
    }
}

impl DatabaseCaution {
    /// What there is to know, in a sentence.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::AsynchronousStandby => {
                "standbys take over without the last acknowledged rows, because synchronous_standby_names is empty"
            }
            Self::NotDurable => {
                "acknowledged rows are lost when the machine fails, because the server runs with fsync = off"
            }
            Self::Unencrypted => {
                "rows and password travel in clear text to another machine; sslmode=require encrypts, and prefer does not"
            }
            Self::NoPartition => {
                "no partition can be made for tomorrow's rows; the role must own the tables and may create others beside them"
            }
        }
    }
}
