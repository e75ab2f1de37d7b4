//! Pages of lists, in the envelope of the framework that the original is
//! written with.

use super::out::{Object, Out};
use crate::bvnk::call::parameter;
use crate::bvnk::errors::Fault;

/// Rows of a page when the caller names no number.
const SIZE: usize = 10;
/// Most rows of a page.
const SIZE_MAX: usize = 100;

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bvnk) struct PageInput {
    /// From 0.
    number: usize,
    /// Rows of a page.
    size: usize,
    /// Rows before the first one.
    offset: usize,
    /// The oldest first.
    pub(in crate::bvnk) ascending: bool,
    sorted: bool,
}

impl PageInput {
    /// Reads `page`, `size`, `offset` and `sort`. Lists are sorted by time alone.
    ///
    /// # Errors
    /// A parameter that is out of range.
    pub(in crate::bvnk) fn read(query: &[(String, String)]) -> Result<Self, Fault> {
        let number = |name: &str, usual: usize| match parameter(query, name) {
            None => Ok(usual),
            Some(text) => text.parse::<usize>().map_err(|_| Fault::field(name, "must be a number")),
        };
        let size = number("size", SIZE)?;
        if !(1..=SIZE_MAX).contains(&size) {
            return Err(Fault::field("size", "must be 1 to 100"));
        }
        let page = number("page", 0)?;
        let offset = match parameter(query, "offset") {
            Some(_) => number("offset", 0)?,
            None => page.checked_mul(size).ok_or_else(|| Fault::field("page", "is too large"))?,
        };
        let sort = parameter(query, "sort");
        let ascending = match sort.map(|sort| sort.split_once(',').unwrap_or((sort, "asc"))) {
            None => false,
            Some(("createdAt" | "updatedAt", direction)) => match direction.to_ascii_lowercase().as_str() {
                "asc" => true,
                "desc" => false,
                _ => return Err(Fault::field("sort", "has a direction that is not asc or desc")),
            },
            Some(_) => return Err(Fault::field("sort", "names a property that cannot be sorted by")),
        };
        Ok(Self { number: offset / size, size, offset, ascending, sorted: sort.is_some() })
    }

    /// A page of all these rows.
    pub(in crate::bvnk) fn print(self, rows: Vec<Out>) -> Object {
        let total = rows.len();
        let content: Vec<Out> = rows.into_iter().skip(self.offset).take(self.size).collect();
        let (count, pages) = (content.len(), total.div_ceil(self.size));
        let sort = || Object::new().put("sorted", self.sorted);
        let pageable = Object::new()
            .put("pageNumber", self.number as u64)
            .put("pageSize", self.size as u64)
            .put("offset", self.offset as u64)
            .put("sort", sort());
        Object::new()
            .put("content", Out::List(content))
            .put("pageable", pageable)
            .put("totalPages", pages as u64)
            .put("totalElements", total as u64)
            .put("first", self.offset == 0)
            .put("last", self.offset.saturating_add(count) >= total)
            .put("size", self.size as u64)
            .put("number", self.number as u64)
            .put("numberOfElements", count as u64)
            .put("sort", sort())
            .put("empty", count == 0)
    }
}
