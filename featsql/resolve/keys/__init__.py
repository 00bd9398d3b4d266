"""What tells rows apart, which rows meet, and which scans the entity's keys restrict."""
