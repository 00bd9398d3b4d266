"""Tables from plans: targets, materializations, training sets, what is published, and the manifest."""
