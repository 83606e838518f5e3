"""mongod from a wheel, as a part of the stack."""
