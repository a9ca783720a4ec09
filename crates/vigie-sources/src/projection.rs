//! What of a body is worth keeping: the parts that some path of the definition leads to.
//!
//! Readers take a projection along and skip all else, so that a large body with a few interesting
//! members costs little more than the scan of its bytes.

use crate::{
    node::Name,
    path::{Base, Key, Path, Step},
};

/// A set of paths from the root, as a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projection {
    /// Whether a path ends here: scalars are kept, and lists of scalars.
    pub(crate) ends: bool,
    /// Members by name.
    keys: Vec<(Key, Projection)>,
    /// Elements of a list, and members of any name.
    any: Option<Box<Projection>>,
}

impl Projection {
    /// Keeps all, down to the deepest level that a body may have.
    pub(crate) fn everything() -> Self {
        let mut all = Projection::default();
        for _ in 0..=crate::format::DEPTH_MAX {
            all = Projection {
                ends: true,
                keys: Vec::new(),
                any: Some(Box::new(all)),
            };
        }
        all
    }

    /// What to keep of the member of that name.
    pub(crate) fn member(&self, name: Name<'_>) -> Option<&Projection> {
        self.keys
            .iter()
            .find(|(key, _)| key.name() == name)
            .map(|(_, child)| child)
            .or(self.any.as_deref())
    }

    /// What to keep of the elements of a list.
    pub(crate) fn elements(&self) -> Option<&Projection> {
        self.any.as_deref().or_else(|| self.ends.then_some(self))
    }

    /// How many members may be kept, for reserving room.
    pub(crate) fn width(&self) -> usize {
        self.keys.len()
    }

    /// Adds a path that is relative to what `select` selects.
    pub(crate) fn add(&mut self, select: &Path, path: &Path) {
        if path.known.is_some() {
            return;
        }
        let levels = levels(select);
        let prefix = match path.base {
            Base::Root => &[][..],
            Base::Item(up) => {
                let level = levels.len().saturating_sub(1 + up);
                select
                    .steps
                    .get(..levels.get(level).copied().unwrap_or(0))
                    .unwrap_or_default()
            }
        };
        let mut node = self;
        for step in prefix.iter().chain(&path.steps) {
            node = node.child(step);
        }
        node.ends = true;
    }

    fn child(&mut self, step: &Step) -> &mut Projection {
        match step {
            Step::Key(name) => {
                let position = self.keys.iter().position(|(key, _)| key == name);
                let position = position.unwrap_or_else(|| {
                    self.keys.push((name.clone(), Projection::default()));
                    self.keys.len() - 1
                });
                &mut self.keys[position].1
            }
            Step::Having(key, _) => {
                let elements = self.any.get_or_insert_default();
                elements.child(&Step::Key(key.clone())).ends = true;
                elements
            }
            Step::Index(_) | Step::Elements | Step::Members | Step::AtRow => {
                self.any.get_or_insert_default()
            }
        }
    }

    /// Makes what is kept of any member be kept of the named ones too. To be called once, when
    /// every path has been added.
    pub(crate) fn close(&mut self) {
        if let Some(any) = self.any.clone() {
            for (_, child) in &mut self.keys {
                child.union(&any);
            }
        }
        for (_, child) in &mut self.keys {
            child.close();
        }
        if let Some(any) = &mut self.any {
            any.close();
        }
    }

    fn union(&mut self, other: &Projection) {
        self.ends |= other.ends;
        for (key, theirs) in &other.keys {
            self.child(&Step::Key(key.clone())).union(theirs);
        }
        if let Some(theirs) = &other.any {
            self.any.get_or_insert_default().union(theirs);
        }
    }
}

/// How many steps of `select` lead to each of its levels: the root, the element of each
/// iteration, and, where steps follow the last iteration, the row's element.
pub(crate) fn levels(select: &Path) -> Vec<usize> {
    let mut levels = vec![0];
    for (index, step) in select.steps.iter().enumerate() {
        if matches!(step, Step::Elements | Step::Members) || index + 1 == select.steps.len() {
            levels.push(index + 1);
        }
    }
    levels
}
