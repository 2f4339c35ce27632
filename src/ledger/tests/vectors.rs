//! The tree against the vectors of the reference implementation of certificate transparency,
//! and against the definitions of RFC 9162 as they are written there.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// MTH of section 2.1.1.
fn naive_root(leaves: &[Vec<u8>]) -> Hash {
    let hash = |bytes: &[u8]| Hash(Sha256::digest(bytes).into());
    match leaves {
        [] => hash(b""),
        [leaf] => hash(&[&[0], leaf.as_slice()].concat()),
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            hash(&[&[1][..], &naive_root(left).0, &naive_root(right).0].concat())
        }
    }
}

fn naive_split(size: usize) -> usize {
    let mut split = 1;
    while split * 2 < size {
        split *= 2;
    }
    split
}

/// PATH of section 2.1.3.1.
fn naive_path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let split = naive_split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut path, other) = if index < split {
        (naive_path(index, left), right)
    } else {
        (naive_path(index - split, right), left)
    };
    path.push(naive_root(other));
    path
}

/// SUBPROOF of section 2.1.4.1.
fn naive_subproof(old: usize, leaves: &[Vec<u8>], is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let split = naive_split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut path, other) = if old <= split {
        (naive_subproof(old, left, is_known), right)
    } else {
        (naive_subproof(old - split, right, false), left)
    };
    path.push(naive_root(other));
    path
}

fn frontier(leaves: &[Vec<u8>]) -> Frontier {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(leaf_hash(leaf));
    }
    frontier
}

fn path(mut builder: PathBuilder, leaves: &[Vec<u8>]) -> Vec<Hash> {
    for leaf in leaves {
        builder.push(leaf_hash(leaf));
    }
    builder.finish().unwrap()
}

fn numbered(size: usize) -> Vec<Vec<u8>> {
    (0..size).map(|number| vec![number as u8; number]).collect()
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let leaves: Vec<Vec<u8>> = LEAVES.iter().map(|leaf| leaf.to_vec()).collect();
    for (size, root) in (1..).zip(ROOTS) {
        assert_eq!(frontier(&leaves[..size]).root().to_string(), root);
        assert_eq!(naive_root(&leaves[..size]).to_string(), root);
    }
    assert_eq!(
        Frontier::default().root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn paths_are_those_of_certificate_transparency() {
    let leaves: Vec<Vec<u8>> = LEAVES.iter().map(|leaf| leaf.to_vec()).collect();
    let told = |path: Vec<Hash>| -> Vec<String> {
        path.iter()
            .map(|hash| hash.to_string()[..8].to_owned())
            .collect()
    };
    let of_leaf = |index, size: usize| {
        let builder = PathBuilder::inclusion(index, size as u64);
        told(path(builder, &leaves[..size]))
    };
    assert_eq!(of_leaf(0, 1), Vec::<String>::new());
    assert_eq!(of_leaf(0, 8), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(of_leaf(5, 8), ["bc1a0643", "ca854ea1", "d37ee418"]);
    assert_eq!(of_leaf(2, 3), ["fac54203"]);
    assert_eq!(of_leaf(1, 5), ["6e340b9c", "5f083f0a", "bc1a0643"]);
    let between = |old, new: usize| {
        let builder = PathBuilder::consistency(old, new as u64);
        told(path(builder, &leaves[..new]))
    };
    assert_eq!(between(1, 1), Vec::<String>::new());
    assert_eq!(between(1, 8), ["96a296d2", "5f083f0a", "6b47aaf2"]);
    assert_eq!(between(6, 8), ["0ebc5d34", "ca854ea1", "d37ee418"]);
    assert_eq!(between(2, 5), ["5f083f0a", "bc1a0643"]);
}

#[test]
fn every_small_tree_is_as_it_is_defined() {
    for size in 1..=33 {
        let leaves = numbered(size);
        let (tree, new) = (frontier(&leaves), size as u64);
        let root = tree.root();
        assert_eq!(root, naive_root(&leaves));
        assert_eq!(Frontier::from_parts(new, tree.nodes().to_vec()), Some(tree));
        for index in 0..size {
            let proof = path(PathBuilder::inclusion(index as u64, new), &leaves);
            assert_eq!(proof, naive_path(index, &leaves));
            let leaf = leaf_hash(&leaves[index]);
            for place in 0..=new {
                let holds = is_included(leaf, place, new, &proof, root);
                assert_eq!(holds, place == index as u64, "{index} of {size} as {place}");
            }
        }
        for old in 1..=size {
            let proof = path(PathBuilder::consistency(old as u64, new), &leaves);
            assert_eq!(proof, naive_subproof(old, &leaves, true));
            let old_root = naive_root(&leaves[..old]);
            for claimed in 1..=new {
                let holds = is_consistent((claimed, old_root), (new, root), &proof);
                assert_eq!(holds, claimed == old as u64, "{old} to {size} as {claimed}");
            }
        }
    }
    assert_eq!(Frontier::from_parts(3, vec![Hash::NONE]), None);
    assert!(
        PathBuilder::inclusion(3, 9).finish().is_none(),
        "no leaf was read"
    );
}

proptest! {
    #[test]
    fn nothing_else_is_proven(
        size in 1_usize..80,
        choice: (u64, u64),
        damage: (u64, u8, u8),
        longer: bool,
    ) {
        let leaves = numbered(size);
        let (root, new) = (frontier(&leaves).root(), size as u64);
        let (index, old) = (choice.0 % new, choice.1 % new + 1);
        let leaf = leaf_hash(&leaves[index as usize]);
        let damaged = |mut path: Vec<Hash>| {
            if longer || path.is_empty() {
                path.push(root);
            } else {
                let at = damage.0 as usize % path.len();
                path[at].0[usize::from(damage.1) % 32] ^= damage.2.max(1);
            }
            path
        };
        let proof = damaged(path(PathBuilder::inclusion(index, new), &leaves));
        prop_assert!(!is_included(leaf, index, new, &proof, root));
        let old_root = naive_root(&leaves[..old as usize]);
        let proof = damaged(path(PathBuilder::consistency(old, new), &leaves));
        prop_assert!(!is_consistent((old, old_root), (new, root), &proof));
    }

    #[test]
    fn a_hostile_proof_of_any_size_ends(
        sizes: (u64, u64),
        index: u64,
        path in prop::collection::vec(any::<[u8; 32]>(), 0..130),
    ) {
        let path: Vec<Hash> = path.into_iter().map(Hash).collect();
        let root = Hash([3; 32]);
        prop_assert!(!is_included(root, index, sizes.0, &path, root) || sizes.0 == 1);
        is_consistent((sizes.0, root), (sizes.1, root), &path);
    }
}
