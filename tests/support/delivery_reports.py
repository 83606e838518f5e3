"""Reports of mails that did not arrive, as the servers write them that citizens use."""

from __future__ import annotations

MESSAGE = "0f8fad5b-d9cb-469f-a165-70867728950e"
OURS = f"H29.15-240307-0001:{MESSAGE}"
MORNING = f"H29.15@2024-03-08:{MESSAGE}"
TO = "nguyen.van.an@example.test"
HEADERS = f"""\
Subject: =?utf-8?b?SOG7kyBzxqE=?=
From: mot-cua@hoso.example.vn
To: {TO}
Date: Thu, 07 Mar 2024 01:15:00 GMT
Message-ID: <{MESSAGE}@motcua>
X-Motcua-Reference: {OURS}
Auto-Submitted: auto-generated
"""
POSTFIX = f"""\
Return-Path: <>
Received: by relay.hoso.example.vn (Postfix) id 4ZkQ2x0Yj1z9v; Thu, 7 Mar 2024 08:15:04 +0700 (+07)
Date: Thu, 7 Mar 2024 08:15:04 +0700 (+07)
From: MAILER-DAEMON@relay.hoso.example.vn (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: mot-cua@hoso.example.vn
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn"
Message-Id: <4ZkQ2x0Yj1zB1@relay.hoso.example.vn>

This is a MIME-encapsulated message.

--4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<{TO}>: host mx.example.test[203.0.113.25] said: 550 5.1.1 no such user

--4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.hoso.example.vn
Original-Envelope-Id: {OURS}
X-Postfix-Queue-ID: 4ZkQ2x0Yj1z9v
X-Postfix-Sender: rfc822; mot-cua@hoso.example.vn
Arrival-Date: Thu,  7 Mar 2024 08:15:00 +0700 (+07)

Final-Recipient: rfc822; {TO}
Original-Recipient: rfc822;{TO}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.test
Diagnostic-Code: smtp; 550 5.1.1 <{TO}>: Recipient address rejected:
    User nguyen.van.an unknown in virtual mailbox table

--4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <mot-cua@hoso.example.vn>
{HEADERS}
--4ZkQ2x0Yj1z9v.1709774104/relay.hoso.example.vn--
"""
EXIM = f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example.test>
To: mot-cua@hoso.example.vn
Auto-Submitted: auto-replied
X-Failed-Recipients: {TO}
Content-Type: multipart/report; report-type=delivery-status; boundary=1709774105-eximdsn-804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1ri2Yb-0001Qp-Ux@mx.example.test>
Date: Thu, 07 Mar 2024 08:15:05 +0700

--1709774105-eximdsn-804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

  {TO}
    mailbox is full: retry timeout exceeded

--1709774105-eximdsn-804289383
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example.test

Action: failed
Final-Recipient: rfc822;{TO}
Status: 5.0.0

--1709774105-eximdsn-804289383
Content-type: message/rfc822

Return-path: <mot-cua@hoso.example.vn>
Received: from relay.hoso.example.vn ([198.51.100.4])
\tby mx.example.test with esmtps (Exim 4.96)
\tid 1ri2Ya-0001Qn-2C
\tfor {TO};
\tThu, 07 Mar 2024 08:15:03 +0700
{HEADERS}
S8OtbmggZ+G7rWkKClhlbSBo4buTIHPGoQo=

--1709774105-eximdsn-804289383--
"""
EXCHANGE = f"""\
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.test>
To: <mot-cua@hoso.example.vn>
Date: Thu, 7 Mar 2024 01:15:06 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="3f1c9b1a-6a4e-4d1b-9d4e-2c6a0a7b8e55"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <6ad1b0c1-2f0a@SG2PR04MB1234.apcprd04.prod.outlook.example>
In-Reply-To: <{MESSAGE}@motcua>
References: <{MESSAGE}@motcua>
Subject: Undeliverable: =?utf-8?B?SOG7kyBzxqE=?=
Auto-Submitted: auto-replied
MIME-Version: 1.0

--3f1c9b1a-6a4e-4d1b-9d4e-2c6a0a7b8e55
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="inner-1"

--inner-1
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Your message to {TO} couldn't be delivered.

--inner-1
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

PGh0bWw+PC9odG1sPg==

--inner-1--

--3f1c9b1a-6a4e-4d1b-9d4e-2c6a0a7b8e55
Content-Type: message/delivery-status

Reporting-MTA: dns;SG2PR04MB1234.apcprd04.prod.outlook.example
Received-From-MTA: dns;relay.hoso.example.vn
Arrival-Date: Thu, 7 Mar 2024 01:15:05 +0000
Original-Envelope-Id: another-relay-has-its-own+2Bname

Final-Recipient: rfc822;{TO}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {TO} not found by SMTP
 address lookup

--3f1c9b1a-6a4e-4d1b-9d4e-2c6a0a7b8e55
Content-Type: message/rfc822

Received: from SG2PR02CA0001.apcprd02.prod.outlook.example (2603:1096:4::1)
 by SG2PR04MB1234.apcprd04.prod.outlook.example with HTTPS; Thu, 7 Mar 2024 01:15:05 +0000
{HEADERS}Content-Type: text/plain

--3f1c9b1a-6a4e-4d1b-9d4e-2c6a0a7b8e55--
"""
GMAIL = f"""\
Received: by 2002:a05:6a20:1234 with SMTP id ab1csp1234567; Wed, 6 Mar 2024 17:15:07 -0800 (PST)
From: Mail Delivery Subsystem <mailer-daemon@mail.example>
To: mot-cua@hoso.example.vn
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <{MESSAGE}@motcua>
In-Reply-To: <{MESSAGE}@motcua>
X-Failed-Recipients: {TO}
Message-ID: <65e9139b.050a0220.a1b2c.d3e4.GMR@mx.mail.example>
Date: Wed, 06 Mar 2024 17:15:07 -0800 (PST)
MIME-Version: 1.0
Content-Type: multipart/report; boundary="00000000000012ab34061300c0de"; report-type=delivery-status

--00000000000012ab34061300c0de
Content-Type: multipart/related; boundary="00000000000012ab36061300c0e0"

--00000000000012ab36061300c0e0
Content-Type: text/html; charset="UTF-8"

<p>Address not found</p>
--00000000000012ab36061300c0e0
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--00000000000012ab36061300c0e0--
--00000000000012ab34061300c0de
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example
Received-From-MTA: dns; mot-cua@hoso.example.vn
Arrival-Date: Wed, 06 Mar 2024 17:15:06 -0800 (PST)
X-Original-Message-ID: <{MESSAGE}@motcua>

Final-Recipient: rfc822; {TO}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.test. (203.0.113.25, the server for the domain example.test.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please
 try\x20
 550 5.1.1 https://support.example/mail/?p=NoSuchUser d9-x2a.123 - gsmtp
Last-Attempt-Date: Wed, 06 Mar 2024 17:15:07 -0800 (PST)

--00000000000012ab34061300c0de
Content-Type: message/rfc822

{HEADERS}MIME-Version: 1.0

----- Message truncated -----
--00000000000012ab34061300c0de--
"""
OPENSMTPD = f"""\
Subject: Delivery status notification: error
From: Mailer Daemon <MAILER-DAEMON@relay.hoso.example.vn>
To: mot-cua@hoso.example.vn
Date: Thu, 7 Mar 2024 08:15:04 +0700 (+07)
MIME-Version: 1.0
Content-Type: multipart/mixed;boundary="9950749020440539406/relay.hoso.example.vn"

This is a MIME-encapsulated message.

--9950749020440539406/relay.hoso.example.vn
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

{TO}: Invalid recipient: <{TO}>

--9950749020440539406/relay.hoso.example.vn
Content-Description: Delivery Report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.hoso.example.vn

Final-Recipient: rfc822; {TO}
Action: error
Status: 5.0.0

--9950749020440539406/relay.hoso.example.vn
Content-Description: Message headers
Content-Type: text/rfc822-headers

{HEADERS}
--9950749020440539406/relay.hoso.example.vn--
"""
SHAPES = {
    "postfix": POSTFIX,
    "exim": EXIM,
    "exchange": EXCHANGE,
    "gmail": GMAIL,
    "opensmtpd": OPENSMTPD,
}
REASONS = {
    "postfix": "5.1.1: <[address]>: Recipient address rejected: "
    "User [address] unknown in virtual mailbox table",
    "exim": "5.0.0",
    "exchange": "5.1.10: RESOLVER.ADR.RecipientNotFound; Recipient [address] "
    "not found by SMTP address lookup",
    "gmail": "5.1.1: The email account that you tried to reach does not exist. Please "
    "try 550 5.1.1 [link] d9-x2a.123 - gsmtp",
    "opensmtpd": "5.0.0",
}
