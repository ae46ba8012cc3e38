//! Helpers of the end-to-end tests: the program, real browsers, and people who use them.
//!
//! `./build.sh test` builds what is needed and says where it is: `KLATCH_BIN`, `CHROMIUM`, `CHROMEDRIVER`, `FIREFOX`,
//! `GECKODRIVER`; screenshots and what explains a failure go to `KLATCH_ARTIFACTS`. Tests play one after the other
//! whatever `--test-threads` says ([`scene::play`] holds a lock), because each is a room full of browsers, and share
//! the browsers, because starting those takes longer than most tests. Every wait is bounded, and all that was started
//! dies with the test process ([`process::Process`]).

pub mod broker;
pub mod browser;
pub mod diary;
pub mod driver;
pub mod faults;
pub mod fixture;
pub mod homes;
pub mod lab;
pub mod media;
pub mod outsider;
pub mod page;
pub mod person;
pub mod process;
pub mod scene;
pub mod usage;
pub mod wait;
pub mod wire;

pub use broker::Broker;
pub use browser::Kind;
pub use lab::Lab;
pub use person::Person;
pub use scene::{Scene, play, play_within};
