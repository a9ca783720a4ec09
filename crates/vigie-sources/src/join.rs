//! A second document beside the first: its rows say who the entities of the first are, and where.

use std::collections::HashMap;

use vigie_core::row::Point;

use crate::{
    body_error::BodyError,
    item::{Item, Shape, select},
    node::Node,
    path::Path,
    place,
    spec::{Pick, Place},
    text,
};

/// How the second document is read. Only names, places and attributes come from it: it has no time of its own.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) select: Path,
    /// The identifier that the rows of the first document have too.
    pub(crate) key: Pick,
    pub(crate) name: Option<Pick>,
    pub(crate) point: Option<Place>,
    /// By the place of their names among all attributes, which ascends.
    pub(crate) attributes: Vec<(usize, Pick)>,
}

/// What the second document says of an entity.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) name: Option<String>,
    pub(crate) point: Option<Point>,
    attributes: Vec<(usize, String)>,
}

impl Beside {
    pub(crate) fn attribute(&self, index: usize) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| *known == index);
        found.map(|(_, text)| text.as_str())
    }
}

impl Join {
    /// Reads the second document of a body of two parts. A body that is no list of parts has none: it is of an earlier definition.
    pub(crate) fn read<'t>(
        &self,
        root: Node<'t>,
        shape: Shape<'t>,
    ) -> Result<HashMap<String, Beside>, BodyError> {
        let mut known = HashMap::new();
        if !matches!(root, Node::List(_)) {
            return Ok(known);
        }
        let is_found = select(&self.select, root, shape, &mut |levels| {
            let item = Item::new(levels, shape);
            if let Some(key) = item.text(&self.key) {
                known.insert(text::trim(key).to_owned(), self.beside(&item));
            }
            Ok(())
        })?;
        if is_found {
            Ok(known)
        } else {
            Err(BodyError::NoSelection {
                path: self.select.to_string(),
                found: "the second document is not what it should be".to_owned(),
            })
        }
    }

    fn beside(&self, item: &Item<'_, '_>) -> Beside {
        let clean = |text: &str| text::clean(text, item.arena()).to_owned();
        Beside {
            name: self
                .name
                .as_ref()
                .and_then(|pick| item.text(pick))
                .map(clean),
            // A place that is none is as if there were none: nothing is measured here.
            point: self
                .point
                .as_ref()
                .and_then(|place| place::read(place, item).ok().flatten()),
            attributes: self
                .attributes
                .iter()
                .filter_map(|(index, pick)| Some((*index, clean(item.text(pick)?))))
                .collect(),
        }
    }

    /// Every path that starts at a row of the second document.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> = self.key.paths().collect();
        paths.extend(self.name.iter().flat_map(Pick::paths));
        paths.extend(self.point.iter().flat_map(Place::paths));
        paths.extend(self.attributes.iter().flat_map(|(_, pick)| pick.paths()));
        paths
    }
}
