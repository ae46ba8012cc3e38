//! A room of members that chat over channels which come and go: told as stories, and run through chance, trouble and lies.

mod bounds;
mod chance;
mod departures;
mod histories;
mod liar;
mod link;
mod member;
mod properties;
mod stories;
mod times;
mod verdict;
mod world;
