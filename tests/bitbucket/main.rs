//! The providers for Bitbucket against both Bitbuckets on loopback.

mod cloud;
mod cloud_people;
mod data_center;
mod data_center_runs;
#[path = "../cloudbees/place.rs"]
mod place;

use tokenturn::rotation::Completion;
use tokenturn::{Ask, Guide, Http, Outcome, Run};

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().build().unwrap()
}

#[track_caller]
pub(crate) fn asks(run: &Run) -> &[Ask] {
    match &run.outcome {
        Outcome::AwaitingPerson { asks, .. } => asks,
        other => panic!("no person is asked: {other:#?}"),
    }
}

#[track_caller]
pub(crate) fn guide(run: &Run) -> Guide {
    asks(run)[0].guide().unwrap().clone()
}

#[track_caller]
pub(crate) fn completed(run: &Run) -> &Completion {
    match &run.outcome {
        Outcome::Completed(completion) => completion,
        other => panic!("not completed: {other:#?}"),
    }
}

#[track_caller]
pub(crate) fn stuck(run: &Run) -> String {
    match &run.outcome {
        Outcome::NeedsPerson { problems, .. } => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        other => panic!("needs nobody: {other:#?}"),
    }
}
