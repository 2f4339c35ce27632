//! A set of what data is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Category;

/// A set of [`Category`], written as a list.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Category>", into = "Vec<Category>")]
pub struct Categories(u16);

impl Categories {
    /// Nothing is said.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub const fn insert(&mut self, category: Category) {
        self.0 |= 1 << category as u16;
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `category` is in it.
    pub const fn contains(self, category: Category) -> bool {
        self.0 & 1 << category as u16 != 0
    }

    /// Whether all of `other` are in it.
    pub const fn holds(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether something is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in it, in the order of [`Category::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Category> {
        let all = Category::ALL.into_iter();
        all.filter(move |category| self.contains(*category))
    }
}

impl FromIterator<Category> for Categories {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        let mut set = Self::NONE;
        categories
            .into_iter()
            .for_each(|category| set.insert(category));
        set
    }
}

impl From<Vec<Category>> for Categories {
    fn from(categories: Vec<Category>) -> Self {
        categories.into_iter().collect()
    }
}

impl From<Categories> for Vec<Category> {
    fn from(categories: Categories) -> Self {
        categories.iter().collect()
    }
}

impl fmt::Display for Categories {
    /// Their names with `;` between, as in a cell of a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, category) in self.iter().enumerate() {
            let between = if place == 0 { "" } else { ";" };
            write!(f, "{between}{}", category.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_told_apart_and_written_in_order() {
        let set: Categories = [Category::Government, Category::Health]
            .into_iter()
            .collect();
        assert_eq!(set.to_string(), "health;government");
        assert!(set.contains(Category::Health) && !set.contains(Category::Personal));
        let part = Categories::from(vec![Category::Health]);
        assert!(set.holds(part) && !part.holds(set) && set.meets(part));
        assert!(set.holds(Categories::NONE) && !set.meets(Categories::NONE));
        assert_eq!(part.union(set), set);
        let all: Categories = Category::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Category::ALL.len());
        let bytes = postcard::to_stdvec(&set).unwrap();
        assert_eq!(postcard::from_bytes::<Categories>(&bytes), Ok(set));
    }
}
