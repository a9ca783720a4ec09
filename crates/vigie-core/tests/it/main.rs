//! Properties of merging and summarising, over the public interface: whatever the rows, their order and the moment of
//! sealing. More cases than usual: `PROPTEST_CASES=20000 cargo test -p vigie-core --test it`.

mod events;
mod hours;
mod merging;
mod periods;
mod rows;
