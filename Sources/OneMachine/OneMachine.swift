// OneMachine: written in this change.
