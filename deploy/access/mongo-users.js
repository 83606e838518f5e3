// Makes the database's users, or gives them these roles. Written by `python -m motcua.access`; a test compares it with the code.
//
//   mongosh "$URI" --eval 'const passwords = {intake: "…", sla: "…", …}' --file mongo-users.js
//
// A user without a password in `passwords` is left out.

const rights = {
  intake: [{"role": "readWrite", "db": "motcua_intake"}, {"role": "readWrite", "db": "motcua_keys"}],
  routing: [{"role": "readWrite", "db": "motcua_routing"}],
  sla: [{"role": "readWrite", "db": "motcua_sla"}],
  notify: [{"role": "readWrite", "db": "motcua_notify"}, {"role": "read", "db": "motcua_keys"}],
  page: [{"role": "read", "db": "motcua_notify"}, {"role": "read", "db": "motcua_keys"}, {"role": "readWrite", "db": "motcua_guesses"}],
  operator: [{"role": "readWrite", "db": "motcua_intake"}, {"role": "readWrite", "db": "motcua_routing"}, {"role": "readWrite", "db": "motcua_sla"}, {"role": "readWrite", "db": "motcua_notify"}, {"role": "readWrite", "db": "motcua_keys"}],
};

const admin = db.getSiblingDB("admin");
for (const [user, roles] of Object.entries(rights)) {
  if (passwords[user] === undefined) continue;
  if (admin.getUser(user) === null) {
    admin.createUser({ user, pwd: passwords[user], roles });
  } else {
    admin.updateUser(user, { pwd: passwords[user], roles });
  }
}
