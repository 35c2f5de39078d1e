//! All attacks, a file each.

use std::io;

use fastrand::Rng;

use crate::aim::Aim;
use crate::attacks::{
    bombs, cancelled_calls, connection_floods, deep_json, half_heads, heavy_questions, huge_heads, huge_tensors,
    idle_announcements, junk_names, label_revisions, large_pictures, many_items, resets, slow_bodies,
    unfinished_messages, unread_answers, unread_exports, waiting_calls, waiting_events,
};

/// What a client can do to a service without meaning well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attack {
    Bombs,
    CancelledCalls,
    ConnectionFloods,
    DeepJson,
    HalfHeads,
    HeavyQuestions,
    HugeHeads,
    HugeTensors,
    IdleAnnouncements,
    JunkNames,
    LabelRevisions,
    LargePictures,
    ManyItems,
    Resets,
    SlowBodies,
    UnfinishedMessages,
    UnreadAnswers,
    UnreadExports,
    WaitingCalls,
    WaitingEvents,
}

impl Attack {
    pub(super) const ALL: [Self; 20] = [
        Self::Bombs,
        Self::CancelledCalls,
        Self::ConnectionFloods,
        Self::DeepJson,
        Self::HalfHeads,
        Self::HeavyQuestions,
        Self::HugeHeads,
        Self::HugeTensors,
        Self::IdleAnnouncements,
        Self::JunkNames,
        Self::LabelRevisions,
        Self::LargePictures,
        Self::ManyItems,
        Self::Resets,
        Self::SlowBodies,
        Self::UnfinishedMessages,
        Self::UnreadAnswers,
        Self::UnreadExports,
        Self::WaitingCalls,
        Self::WaitingEvents,
    ];

    /// The attack of this name, as it is written in the code.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attack| format!("{attack:?}").eq_ignore_ascii_case(name))
    }

    /// Does it once, of a size by chance.
    ///
    /// # Errors
    /// How the service defended itself.
    pub(super) async fn strike(self, aim: &Aim, random: &mut Rng) -> io::Result<()> {
        match self {
            Self::Bombs => bombs::strike(aim, random).await,
            Self::CancelledCalls => cancelled_calls::strike(aim, random).await,
            Self::ConnectionFloods => connection_floods::strike(aim, random).await,
            Self::DeepJson => deep_json::strike(aim, random).await,
            Self::HalfHeads => half_heads::strike(aim, random).await,
            Self::HeavyQuestions => heavy_questions::strike(aim, random).await,
            Self::HugeHeads => huge_heads::strike(aim, random).await,
            Self::HugeTensors => huge_tensors::strike(aim, random).await,
            Self::IdleAnnouncements => idle_announcements::strike(aim, random).await,
            Self::JunkNames => junk_names::strike(aim, random).await,
            Self::LabelRevisions => label_revisions::strike(aim, random).await,
            Self::LargePictures => large_pictures::strike(aim, random).await,
            Self::ManyItems => many_items::strike(aim, random).await,
            Self::Resets => resets::strike(aim, random).await,
            Self::SlowBodies => slow_bodies::strike(aim, random).await,
            Self::UnfinishedMessages => unfinished_messages::strike(aim, random).await,
            Self::UnreadAnswers => unread_answers::strike(aim, random).await,
            Self::UnreadExports => unread_exports::strike(aim, random).await,
            Self::WaitingCalls => waiting_calls::strike(aim, random).await,
            Self::WaitingEvents => waiting_events::strike(aim, random).await,
        }
    }
}
