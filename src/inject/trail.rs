//! The rules by name, in the order they are asked, and which of them a Pod passed.
//!
//! `explain` prints a trail; the rules themselves stand in `decide` and what it calls.

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The rule lets the injection go on.
    Passed,
    /// The rule ended it; the decision has the reason.
    Stopped,
}

macro_rules! rules {
    ($($name:ident $question:literal)*) => {
        /// A question that is asked of every Pod.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule { $(#[doc = $question] $name),* }

        impl Rule {
            /// The rule as a statement that holds when it is passed.
            pub const fn question(self) -> &'static str {
                match self { $(Self::$name => $question),* }
            }
        }

        /// Every rule, in the order asked.
        pub const RULES: &[Rule] = &[$(Rule::$name),*];
    };
}

rules! {
    Mirror "it is not the mirror of a static Pod"
    System "its namespace is neither kube-system nor Sidebox's own"
    Excluded "its namespace is not excluded by the settings"
    Injected "it has no toolbox yet"
    Asked "the Pod, its namespace or the cluster asks for it"
    Containers "it has containers"
    Target "the target can be told"
    Critical "asked by the Pod itself, or not system-critical"
    HostNetwork "asked by the Pod itself, or not on the node's network"
    Privileged "asked by the Pod itself, or the target is not privileged"
    LongRunning "asked by the Pod itself, or its containers run for ever"
    Annotations "its annotations can be read"
    Windows "it is not a Windows Pod"
    HostPid "it does not use the node's process namespace"
    VirtualNode "it is not meant for a virtual node"
    RuntimeClass "its runtime class is allowed"
    Names "the names of toolbox and volumes are free"
    Diagnostics "the target leaves diagnostics on"
    Quota "no ResourceQuota of cpu or memory stands against it"
    Image "the image is allowed"
    Placement "the cluster knows the placement"
    Access "the runtime can be reached"
    Storage "the volume of results can be mounted"
    User "the user is allowed"
    Resources "requests and limits fit into the namespace"
    CrashDumps "the crash dump variables are free"
    Mounts "no two volumes meet on one path of the toolbox"
    Size "the status fits into the annotations"
}

/// The rules asked of one Pod, in order; the last one may have stopped it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail(Vec<(Rule, Verdict)>);

impl Trail {
    /// Room for all rules, so that asking them never allocates again.
    pub fn new() -> Self {
        Self(Vec::with_capacity(RULES.len()))
    }

    /// Notes what came of a rule and hands its result on.
    pub fn ask<T, E>(&mut self, rule: Rule, result: Result<T, E>) -> Result<T, E> {
        let verdict = if result.is_ok() {
            Verdict::Passed
        } else {
            Verdict::Stopped
        };
        self.0.push((rule, verdict));
        result
    }

    /// The rules asked, in order.
    pub fn steps(&self) -> &[(Rule, Verdict)] {
        &self.0
    }
}
