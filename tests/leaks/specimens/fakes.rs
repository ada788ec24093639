//! What tests use. It keeps made-up secrets in the clear; what it shows of itself, it shows in the tests of others.

use std::sync::Arc;

use tokenturn::testing::consumer::MemoryFarSide;
use tokenturn::testing::law::{Exception, NotApplicable};
use tokenturn::testing::provider::{Call, MemorySource, Person, Terms};
use tokenturn::testing::{
    BitbucketCloudFake, BitbucketDataCenterFake, Boundary, CloudBeesFake, CodePipelineFake, CodefreshFake, GitHubFake,
    GitLabFake, JenkinsFake, Moment, Power, Powered, Trouble, VirtualClock,
};

use crate::channels::{Otherwise as _, Said};

pub(super) async fn show(said: &Said) {
    let no = NotApplicable::because("nobody can");
    specimen!(
        said,
        VirtualClock::new(),
        MemoryFarSide::new().unwrap(),
        MemorySource::new().unwrap(),
        Call::Issue,
        Person::Careful
    );
    specimen!(said, Terms::default(), Exception::NotApplicable(no.clone()), no, Trouble::DropAfter, Moment::After);
    specimen!(said, Boundary { call: "install", moment: Moment::Before }, Power::steady());
    specimen!(said, Powered::new(tokenturn::journal::MemoryJournal::new(), &Power::steady()));
    specimen!(said, GitHubFake::start().await.unwrap(), GitLabFake::start().await.unwrap());
    specimen!(said, JenkinsFake::start().await.unwrap(), CodefreshFake::start().await.unwrap());
    specimen!(said, CodePipelineFake::start().await.unwrap(), CloudBeesFake::start().await.unwrap());
    specimen!(
        said,
        BitbucketCloudFake::start_with_clock(Arc::new(VirtualClock::new())).await.unwrap(),
        BitbucketDataCenterFake::start().await.unwrap()
    );
}
