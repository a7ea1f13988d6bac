//! Where the wall time went.

use rollout_trace_answers::TimeClass;
use rollout_trace_schema::ThreadId;

use crate::{
    column::{Declared, Keyed},
    reduced::Reduced,
    table::Source,
    value::signed,
};

pub(crate) struct Time;

/// The time of one class, of a thread or of the whole rollout.
pub(crate) struct TimeRow<'r> {
    reduced: &'r Reduced<'r>,
    thread: Option<&'r ThreadId>,
    class: TimeClass,
    ms: u64,
}

impl Keyed for TimeRow<'_> {
    fn reduced(&self) -> &Reduced<'_> {
        self.reduced
    }
}

impl Source for Time {
    type Row<'r> = TimeRow<'r>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        let meaning = "The answer of `rollout-trace time`: each millisecond counts in one row of a thread, and in one \
            row of the rollout.";
        Declared::<Self::Row<'r>>::new("time", meaning, &["thread_id", "class"])
            .text_or_null("thread_id", "The thread; null if the row is that of all threads together.", |row| {
                row.thread.map(|thread| thread.as_str().into())
            })
            .text("class", "What the time was spent on.", |row| row.class.as_str().into())
            .integer("ms", "The milliseconds.", |row| signed(row.ms))
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        let Some(time) = reduced.questions.as_ref().and_then(|questions| questions.time.as_ref()) else { return };
        let all = time.ms.iter().map(|(class, ms)| (None, class, ms));
        let threads = time.threads.iter();
        let of_threads = threads.flat_map(|it| it.ms.iter().map(|(class, ms)| (Some(&it.thread_id), class, ms)));
        all.chain(of_threads).for_each(|(thread, class, ms)| each(TimeRow { reduced, thread, class: *class, ms: *ms }));
    }
}
