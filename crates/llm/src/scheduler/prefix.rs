//! Who holds which page, and which pages hold what.
//!
//! A tree over token ids, 64 to a node: a sequence that starts with the same tokens takes the same pages, by reference. Pages
//! that nobody holds stay in the tree until somebody needs the memory; the one unused for longest goes first, leaves before
//! the branches they hang on. A page is published when its rows are put into a pass, so the sequences composed after it may
//! already hold it: its keys are written before anybody's attention reads them.

use std::collections::HashMap;

use crate::model::{PAGE, PageId, Pages};

/// A node of the tree. Numbers are never used twice.
pub(crate) type NodeId = u64;

#[derive(Debug)]
struct Node {
    page: PageId,
    parent: Option<NodeId>,
    tokens: [u32; PAGE],
    children: usize,
    /// When a sequence last took it, in lookups.
    used: u64,
}

#[derive(Debug)]
pub(crate) struct Prefixes {
    index: HashMap<(Option<NodeId>, [u32; PAGE]), NodeId>,
    nodes: HashMap<NodeId, Node>,
    /// Holders of each page; the tree is one.
    holders: Vec<usize>,
    free: Vec<PageId>,
    capacity: usize,
    next: NodeId,
}

impl Prefixes {
    /// A tree over at most `capacity` pages.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { index: HashMap::new(), nodes: HashMap::new(), holders: Vec::new(), free: Vec::new(), capacity, next: 0 }
    }

    /// Pages that could be allocated now, evicting what nobody holds.
    pub(crate) fn available(&self) -> usize {
        let idle = self.nodes.values().filter(|node| self.holders[node.page] == 1).count();
        self.free.len() + self.capacity - self.holders.len() + idle
    }

    /// Pages that sequences hold.
    pub(crate) fn held(&self) -> usize {
        self.capacity - self.available()
    }

    /// The page behind `parent` that holds `tokens`, held for the caller.
    pub(crate) fn take(&mut self, parent: Option<NodeId>, tokens: &[u32; PAGE]) -> Option<(NodeId, PageId)> {
        let id = *self.index.get(&(parent, *tokens))?;
        self.next += 1;
        let node = self.nodes.get_mut(&id)?;
        node.used = self.next;
        self.holders[node.page] += 1;
        Some((id, node.page))
    }

    /// Lets others find `page`, which its caller goes on holding. If the same tokens are known already, that node counts.
    pub(crate) fn publish(&mut self, parent: Option<NodeId>, tokens: &[u32; PAGE], page: PageId) -> NodeId {
        if let Some(known) = self.index.get(&(parent, *tokens)) {
            return *known;
        }
        self.next += 1;
        let id = self.next;
        if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children += 1;
        }
        self.holders[page] += 1;
        self.index.insert((parent, *tokens), id);
        self.nodes.insert(id, Node { page, parent, tokens: *tokens, children: 0, used: id });
        id
    }

    /// A page for the caller alone; none if sequences hold them all.
    pub(crate) fn allocate(&mut self, pages: &mut Pages) -> Option<PageId> {
        if self.free.is_empty() && self.holders.len() == self.capacity {
            self.evict();
        }
        let page = match self.free.pop() {
            Some(page) => page,
            None if self.holders.len() < self.capacity => {
                self.holders.push(0);
                pages.grow()
            }
            None => return None,
        };
        self.holders[page] = 1;
        Some(page)
    }

    /// Gives a page back.
    pub(crate) fn release(&mut self, page: PageId) {
        self.holders[page] -= 1;
        if self.holders[page] == 0 {
            self.free.push(page);
        }
    }

    fn evict(&mut self) {
        let idle = self.nodes.iter().filter(|(_, node)| node.children == 0 && self.holders[node.page] == 1);
        let Some(oldest) = idle.min_by_key(|(_, node)| node.used).map(|(id, _)| *id) else { return };
        let Some(node) = self.nodes.remove(&oldest) else { return };
        self.index.remove(&(node.parent, node.tokens));
        if let Some(parent) = node.parent.and_then(|parent| self.nodes.get_mut(&parent)) {
            parent.children -= 1;
        }
        self.release(node.page);
    }
}
