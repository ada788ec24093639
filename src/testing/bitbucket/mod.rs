//! Both Bitbuckets on loopback, with people in them.

mod cloud;
mod data_center;
mod data_center_routes;

pub use cloud::BitbucketCloudFake;
pub use data_center::BitbucketDataCenterFake;
