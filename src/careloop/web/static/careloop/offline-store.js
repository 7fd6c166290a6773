/* What was taken along, on this device: every word of anybody is encrypted (AES-GCM) under a key that is made from her
   password (PBKDF2) and never written down. In plain there stand random numbers, when it was taken, and that something
   is not sent yet. docs/decisions/0091 says what a lost device shows. */
"use strict";

window.careloopOffline = (() => {
  const NAME = "careloop-offline";
  const ROUNDS = 1_000_000;
  const DAY = 86_400_000;
  const bytes = (n) => crypto.getRandomValues(new Uint8Array(n));
  const text = new TextEncoder();

  // -- the database -----------------------------------------------------------------------------------------------
  function open() {
    return new Promise((go, fail) => {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        for (const store of ["locks", "packets", "sheets"]) asked.result.createObjectStore(store, { keyPath: "id" });
      };
      asked.onsuccess = () => {
        asked.result.onversionchange = () => asked.result.close();
        go(asked.result);
      };
      asked.onerror = () => fail(asked.error);
    });
  }

  async function run(stores, mode, act) {
    const database = await open();
    try {
      return await new Promise((go, fail) => {
        const unit = database.transaction(stores, mode, { durability: "strict" });
        const asked = act(unit);
        unit.oncomplete = () => go(asked?.result);
        unit.onabort = unit.onerror = () => fail(unit.error);
      });
    } finally {
      database.close();
    }
  }

  const all = (store) => run([store], "readonly", (unit) => unit.objectStore(store).getAll());
  const put = (store, row) => run([store], "readwrite", (unit) => { unit.objectStore(store).put(row); });
  const drop = (store, id) => run([store], "readwrite", (unit) => { unit.objectStore(store).delete(id); });

  // -- keys ---------------------------------------------------------------------------------------------------------
  async function keyOf(password, salt, rounds) {
    const typed = await crypto.subtle.importKey("raw", text.encode(password.normalize("NFC")), "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
    return crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  }

  /* name: what it is, so that no box can stand in for another. */
  async function sealed(key, name, value) {
    const iv = bytes(12);
    const how = { name: "AES-GCM", iv, additionalData: text.encode(name) };
    return { iv, data: await crypto.subtle.encrypt(how, key, text.encode(JSON.stringify(value))) };
  }

  async function unsealed(key, name, box) {
    const how = { name: "AES-GCM", iv: box.iv, additionalData: text.encode(name) };
    return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(how, key, box.data)));
  }

  /* The lock that this password opens: {id, account, key}; null for none. */
  async function unlock(password, account) {
    for (const lock of await all("locks")) {
      if (account && lock.account !== account) continue;
      const key = await keyOf(password, lock.salt, lock.rounds);
      try {
        await unsealed(key, `lock ${lock.id}`, lock.proof);
        return { id: lock.id, account: lock.account, key };
      } catch {
        /* Another lock may open. */
      }
    }
    return null;
  }

  async function lockFor(password, account) {
    const there = await unlock(password, account);
    if (there) return there;
    const id = newId();
    const salt = bytes(16);
    const key = await keyOf(password, salt, ROUNDS);
    await put("locks", { id, account, salt, rounds: ROUNDS, proof: await sealed(key, `lock ${id}`, "open") });
    return { id, account, key };
  }

  const newId = () => [...bytes(16)].map((one) => one.toString(16).padStart(2, "0")).join("");

  // -- packets and sheets -------------------------------------------------------------------------------------------
  async function keepPacket(lock, packet) {
    const goes = Date.now() + packet.days * DAY;
    await put("packets", { id: packet.id, lock: lock.id, account: lock.account, goes, box: await sealed(lock.key, `packet ${packet.id}`, packet) });
  }

  async function keepSheet(lock, sheet) {
    const row = { id: sheet.id, packet: sheet.packet, lock: lock.id, unsent: Object.keys(sheet.answers).length > 0 };
    row.box = await sealed(lock.key, `sheet ${sheet.id}`, sheet);
    /* Never without its packet: what was wiped in another window does not come back. */
    await run(["packets", "sheets"], "readwrite", (unit) => {
      const there = unit.objectStore("packets").getKey(sheet.packet);
      there.onsuccess = () => (there.result ? unit.objectStore("sheets").put(row) : unit.abort());
    });
  }

  /* Everything that this lock opens: [{packet, goes, sheets}]. */
  async function opened(lock) {
    const mine = (row) => row.lock === lock.id;
    const sheets = [];
    for (const row of (await all("sheets")).filter(mine)) sheets.push(await unsealed(lock.key, `sheet ${row.id}`, row.box));
    const found = [];
    for (const row of (await all("packets")).filter(mine)) {
      const packet = await unsealed(lock.key, `packet ${row.id}`, row.box);
      found.push({ packet, goes: row.goes, sheets: sheets.filter((one) => one.packet === row.id) });
    }
    return found;
  }

  async function dropPacket(id) {
    for (const row of await all("sheets")) if (row.packet === id) await drop("sheets", row.id);
    await drop("packets", id);
    await tidy();
  }

  /* What is older than its days goes; locks that open nothing any more too. How many packets went. */
  async function tidy() {
    const packets = await all("packets");
    const over = packets.filter((row) => row.goes <= Date.now());
    for (const row of over) {
      for (const sheet of await all("sheets")) if (sheet.packet === row.id) await drop("sheets", sheet.id);
      await drop("packets", row.id);
    }
    const used = new Set(packets.filter((row) => !over.includes(row)).map((row) => row.lock));
    for (const lock of await all("locks")) if (!used.has(lock.id)) await drop("locks", lock.id);
    return over.length;
  }

  /* {packets, unsent}: how much there is, without a key. */
  async function counted() {
    const there = await indexedDB.databases?.();
    if (there && !there.some((one) => one.name === NAME)) return { packets: 0, unsent: 0 };
    const packets = (await all("packets")).filter((row) => row.goes > Date.now());
    const kept = new Set(packets.map((row) => row.id));
    return { packets: packets.length, unsent: (await all("sheets")).filter((row) => row.unsent && kept.has(row.packet)).length };
  }

  const others = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;

  function wipe() {
    others?.postMessage("wiped");
    return new Promise((go) => {
      const asked = indexedDB.deleteDatabase(NAME);
      asked.onsuccess = asked.onerror = asked.onblocked = () => go();
    });
  }

  return { lockFor, unlock, newId, keepPacket, keepSheet, opened, dropPacket, dropSheet: (id) => drop("sheets", id), tidy, counted, wipe, others };
})();
