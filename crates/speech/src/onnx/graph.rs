//! The graph of an ONNX file: nodes with their names, inputs and integer attributes, and the initialisers.
//!
//! Owns the meaning of the protobuf fields (ModelProto, GraphProto, NodeProto, AttributeProto of onnx.proto3) and
//! who produces and who consumes a tensor. It does not execute anything.

use std::collections::HashMap;

use super::tensor::Initialiser;
use super::wire::{Fields, Malformed, Value, packed_varints};

/// One operation.
#[derive(Debug, Clone, Default)]
pub struct Node<'a> {
    /// Its path in the exported module tree, for example `/encoder/F0.1/conv1/Conv_quant`.
    pub name: &'a str,
    /// The operator, for example `ConvInteger`.
    pub op: &'a str,
    /// Names of its input tensors; an empty name is an input left out.
    pub inputs: Vec<&'a str>,
    /// Names of its output tensors.
    pub outputs: Vec<&'a str>,
    ints: Vec<(&'a str, Vec<i64>)>,
}

impl Node<'_> {
    /// An attribute of one or several integers (`strides`, `pads`, `dilations`).
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        let found = self.ints.iter().find(|(attribute, _)| *attribute == name);
        found.map(|(_, ints)| ints.as_slice())
    }
}

/// Nodes and initialisers of one model, borrowed from the bytes of its file.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    by_name: HashMap<&'a str, usize>,
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
    initialisers: HashMap<&'a str, Initialiser<'a>>,
}

impl<'a> Graph<'a> {
    /// Reads a whole model file.
    ///
    /// # Errors
    /// When the bytes are not protobuf, or hold no graph with nodes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut graph = Self::default();
        let mut model = Fields::new(bytes);
        while let Some((number, value)) = model.next_field()? {
            if let (7, Value::Bytes(message)) = (number, value) {
                graph.read(message)?;
            }
        }
        if graph.nodes.is_empty() {
            return Err(Malformed { what: "no graph", at: bytes.len() });
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            graph.by_name.insert(node.name, index);
            for output in &node.outputs {
                graph.producers.insert(output, index);
            }
            for input in &node.inputs {
                graph.consumers.entry(input).or_default().push(index);
            }
        }
        Ok(graph)
    }

    fn read(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next_field()? {
            match (number, value) {
                (1, Value::Bytes(node)) => self.nodes.push(node_from(node)?),
                (5, Value::Bytes(tensor)) => {
                    let tensor = Initialiser::parse(tensor)?;
                    self.initialisers.insert(tensor.name, tensor);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The node with this name.
    pub fn node(&self, name: &str) -> Option<&Node<'a>> {
        self.by_name.get(name).map(|index| &self.nodes[*index])
    }

    /// The node that computes this tensor; `None` for inputs and initialisers.
    pub fn producer(&self, tensor: &str) -> Option<&Node<'a>> {
        self.producers.get(tensor).map(|index| &self.nodes[*index])
    }

    /// The nodes that read this tensor.
    pub fn consumers(&self, tensor: &str) -> impl Iterator<Item = &Node<'a>> {
        let indices = self.consumers.get(tensor).into_iter().flatten();
        indices.map(|index| &self.nodes[*index])
    }

    /// The constant with this name.
    pub fn initialiser(&self, name: &str) -> Option<&Initialiser<'a>> {
        self.initialisers.get(name)
    }
}

fn node_from(message: &[u8]) -> Result<Node<'_>, Malformed> {
    let mut node = Node::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match (number, value) {
            (1, Value::Bytes(name)) => node.inputs.push(text(name)?),
            (2, Value::Bytes(name)) => node.outputs.push(text(name)?),
            (3, Value::Bytes(name)) => node.name = text(name)?,
            (4, Value::Bytes(op)) => node.op = text(op)?,
            (5, Value::Bytes(attribute)) => node.ints.extend(ints_attribute(attribute)?),
            _ => {}
        }
    }
    Ok(node)
}

/// AttributeProto: name 1, i 3, ints 8. Attributes of other types are skipped.
fn ints_attribute(message: &[u8]) -> Result<Option<(&str, Vec<i64>)>, Malformed> {
    let (mut name, mut ints) = ("", Vec::new());
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => name = text(bytes)?,
            (3 | 8, Value::Varint(int)) => ints.push(int as i64),
            (8, Value::Bytes(packed)) => {
                ints.extend(packed_varints(packed)?.into_iter().map(|int| int as i64));
            }
            _ => {}
        }
    }
    Ok((!ints.is_empty()).then_some((name, ints)))
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed { what: "a name that is not UTF-8", at: 0 })
}
